import time

begin = time.monotonic()
assert machine.execute("sleep 600; touch never", check_output=False) == (-2, "")
assert time.monotonic() - begin < 100
assert machine.succeed("echo here") == "here\n"
# It runs, though nobody waits for it.
machine.execute("touch came", check_output=False)
machine.wait_for_file("came", timeout=60)
machine.fail("test -e never")
