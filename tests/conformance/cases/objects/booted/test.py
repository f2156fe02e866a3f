assert machine.booted is False and machine.connected is False
machine.start()
assert machine.booted is True
machine.connect()
assert machine.connected is True
machine.shutdown()
assert machine.booted is False and machine.connected is False
machine.start()
machine.crash()
assert machine.booted is False
machine.booted = False
machine.succeed("true")
assert machine.booted is True
