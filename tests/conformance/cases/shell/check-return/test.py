assert machine.execute("echo out; exit 3", check_return=False) == (-1, "out\n")
assert machine.execute("true", False) == (-1, "")
assert machine.execute("echo out; sleep 3; poweroff; sleep 1000", check_return=False) == (-1, "out\n")
machine.wait_for_shutdown()
