assert machine.execute("echo out; exit 3", check_return=False) == (-1, "out\n")
assert machine.execute("true", False) == (-1, "")
