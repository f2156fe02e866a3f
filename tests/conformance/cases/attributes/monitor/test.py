assert machine.monitor is None
machine.start()
monitor = machine.monitor
assert monitor.fileno() >= 0
monitor.settimeout(10)
monitor.send(b"info status\n")
text = b""
while b"VM status: running" not in text or not text.endswith(b"(qemu) "):
    text += monitor.recv(1024)
monitor.settimeout(0.2)
with t.assertRaises(TimeoutError):
    monitor.recv(1)
monitor.settimeout(None)
assert "running" in machine.send_monitor_command("info status")
