import time

machine.wait_for_shutdown()
machine.succeed("(sleep 0.4; poweroff) >&2 &")
begin = time.monotonic()
machine.wait_for_shutdown()
assert time.monotonic() - begin < 100
assert not machine.booted
machine.wait_for_shutdown()
machine.execute("systemctl poweroff", check_output=False)
machine.wait_for_shutdown()
