machine.connect()
