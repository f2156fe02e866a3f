machine.start()
assert len(machine.qmp_client.send("query-commands")["return"]) > 10
machine.qmp_client.send("stop")
machine.wait_for_qmp_event(lambda event: event["event"] == "STOP", timeout=10)
