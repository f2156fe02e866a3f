import time

begin = time.monotonic()
assert machine.execute("sleep 30; touch never", check_output=False) == (-2, "")
assert time.monotonic() - begin < 25
assert machine.succeed("echo here") == "here\n"
# It runs, though nobody waits for it.
machine.execute("touch came", check_output=False)
machine.wait_for_file("came", timeout=10)
machine.fail("test -e never")
