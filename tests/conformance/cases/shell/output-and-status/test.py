assert machine.execute("echo out; echo err >&2; exit 3") == (3, "out\n")
assert machine.succeed("echo hello") == "hello\n"
assert machine.succeed("printf a", "printf b") == "ab"
