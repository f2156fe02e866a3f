words = " ".join(f"word{number}" for number in range(20000))
assert machine.succeed(f"echo {words}").split() == words.split()
lines = "\n".join("true" for _ in range(20000))
machine.succeed(lines)
