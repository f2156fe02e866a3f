def check(text):
    machine.succeed(f"echo {text}; exit 42")


check("before the end")
