value = machine.execute("exit 1")
assert value[0] == 0
