machine.start()
assert machine.booted and not machine.connected and not machine.is_up()
first = machine.pid
machine.start()
machine.start(allow_reboot=True)
assert machine.pid == first
machine.connect()
machine.connect()
assert machine.connected and machine.is_up()
start_all()
assert machine.pid == first
