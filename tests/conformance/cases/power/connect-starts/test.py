machine.connect()
assert machine.is_up()
