machine.start()
