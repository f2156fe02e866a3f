import datetime

machine.start()
for command in ("stop", "cont", "stop", "cont"):
    machine.qmp_client.send(command)
limit = datetime.timedelta(seconds=10)
assert machine.qmp_client.wait_for_event()["event"] == "STOP"
assert machine.qmp_client.wait_for_event(limit)["event"] == "RESUME"
assert machine.qmp_client.wait_for_event(timeout=limit)["event"] == "STOP"
