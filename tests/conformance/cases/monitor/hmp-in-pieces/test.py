machine.start()
assert "running" in machine.send_monitor_command("info status")
assert len(machine.send_monitor_command("help")) > 10000
