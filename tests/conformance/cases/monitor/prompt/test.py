machine.start()
machine.monitor.send(b"info status\n")
answer = machine.wait_for_monitor_prompt()
assert "VM status: running" in answer, answer
assert "fake_vm" in machine.send_monitor_command("info version")
