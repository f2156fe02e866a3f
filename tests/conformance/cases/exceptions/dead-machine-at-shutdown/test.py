machine.succeed("true")
machine.process.kill()
machine.process.wait(timeout=10)
try:
    machine.shutdown()
except BrokenPipeError:
    pass
machine.wait_for_shutdown()
assert machine.succeed("echo anew") == "anew\n"
