machine.start(allow_reboot=True)
machine.succeed("touch volatile; echo kept > ~/file")
pid = machine.pid
machine.reboot()
assert not machine.connected
assert machine.succeed("cat ~/file") == "kept\n"
machine.fail("test -e volatile")
machine.reboot()
machine.connect()
assert machine.pid == pid
