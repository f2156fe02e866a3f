machine.succeed("true")
machine.connected = False
assert not machine.connected and not machine.is_up()
machine.connected = True
assert machine.succeed("echo still the same shell") == "still the same shell\n"
machine.note = "of the script"
assert machine.note == "of the script"
fake = object()
machine.shell = fake
assert machine.shell is fake
machine.monitor = fake
assert machine.monitor is fake
machine.callbacks = []
machine.shutdown()
assert machine.booted is False and machine.connected is False
