machine.start()
assert "running" in machine.send_monitor_command("info status")
answer = machine.send_monitor_command("info kvm")
assert "kvm support: disabled" in answer and "(qemu)" in answer, answer
assert machine.send_monitor_command("help").count("\n") > 50
assert len(machine.send_monitor_command("help")) > 10000
# Passed on as it is; what is wrong is said by QEMU.
assert "unknown command: 'no_such'" in machine.send_monitor_command("no_such command")
assert "(qemu)" in machine.send_monitor_command("")
assert "not found" in machine.send_monitor_command("set_link nothing off")
