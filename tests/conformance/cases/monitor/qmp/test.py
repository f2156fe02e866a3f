assert machine.qmp_client is None
machine.start()
assert machine.qmp_client is not None
reply = machine.qmp_client.send("query-status")
assert reply["return"]["running"] is True, reply
assert machine.qmp_client.send("query-name")["return"] == {"name": "machine"}
reply = machine.qmp_client.send("human-monitor-command", {"command-line": "info status"})
assert "running" in reply["return"]
reply = machine.qmp_client.send("send-key", {"keys": [{"type": "qcode", "data": "a"}]})
assert reply == {"return": {}}
