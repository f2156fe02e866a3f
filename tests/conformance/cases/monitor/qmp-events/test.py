machine.start(allow_reboot=True)
machine.qmp_client.send("stop")
machine.qmp_client.send("cont")
event = machine.wait_for_qmp_event(lambda event: event["event"] == "RESUME")
assert event["event"] == "RESUME" and "timestamp" in event
# What came before it is gone.
assert list(machine.qmp_client.events()) == []
machine.qmp_client.send("stop")
machine.qmp_client.send("cont")
assert machine.qmp_client.wait_for_event(lambda event: event["event"] == "STOP", timeout=10)
names = [event["event"] for event in machine.qmp_client.events(timeout=1)]
assert "RESUME" in names, names
machine.send_monitor_command("system_reset")
event = machine.wait_for_qmp_event(lambda e: "guest" in e.get("data", {}), timeout=10)
assert event["event"] == "RESET" and event["data"]["guest"] is False, event
