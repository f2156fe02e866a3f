machine.start()
machine.send_key("no-such-key")
