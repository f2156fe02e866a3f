machine.start()
for _ in range(3):
    assert "running" in machine.send_monitor_command("info status")
