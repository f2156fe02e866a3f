machine.succeed("(sleep 0.3; poweroff) >&2 &")
assert machine.process.wait(timeout=120) == 0
machine.wait_for_shutdown()
