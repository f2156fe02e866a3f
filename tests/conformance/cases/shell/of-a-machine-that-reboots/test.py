machine.start(allow_reboot=True)
machine.succeed("touch before")
machine.execute("reboot", check_output=False)
machine.connected = False
machine.connect()
machine.fail("test -e before")
for _ in range(2):
    machine.execute("sleep 0.1; reboot", check_return=False, check_output=False)
    machine.connected = False
    assert machine.succeed("echo up again") == "up again\n"
