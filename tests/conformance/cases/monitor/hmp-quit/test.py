machine.start()
try:
    machine.send_monitor_command("quit")
except BrokenPipeError:
    pass
machine.wait_for_shutdown()
assert not machine.booted
