machine.succeed(f"echo result >{os.getcwd()}/base/result")
machine.copy_from_machine(f"{os.getcwd()}/base/result")
assert open("result").read() == "result\n"
