machine.start()
machine.qmp_client.send("no-such-command")
