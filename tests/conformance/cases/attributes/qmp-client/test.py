assert machine.qmp_client is None
machine.start()
assert machine.qmp_client is not None
client = machine.qmp_client
assert client is machine.qmp_client
assert isinstance(client.send("query-status"), dict)
machine.crash()
machine.connect()
assert machine.qmp_client.send("query-status")["return"]["running"]
