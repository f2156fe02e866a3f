machine.execute("poweroff", check_output=False)
while machine.process.poll() is None:
    pass
assert not machine.is_up()
