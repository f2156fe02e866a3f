machine.succeed("true")
machine.process.kill()
machine.process.wait()
try:
    machine.shutdown()
except BrokenPipeError:
    machine.wait_for_shutdown()
assert not machine.booted
machine.shutdown()
assert machine.succeed("echo again") == "again\n"
