import time

begin = time.monotonic()
with t.assertRaisesRegex(AssertionError, "action timed out"):
    machine.wait_until_succeeds("sleep 600", timeout=1)
assert time.monotonic() - begin < 100
assert machine.succeed("echo in step") == "in step\n"
