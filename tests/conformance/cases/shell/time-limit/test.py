import time

begin = time.monotonic()
assert machine.execute("echo begun; sleep 600", timeout=0.5) == (124, "begun\n")
assert machine.execute("sleep 600", True, True, 0.5)[0] == 124
assert time.monotonic() - begin < 100
# The shell is in step again, and the commands are gone.
assert machine.succeed("echo next") == "next\n"
machine.wait_until_fails("pgrep -s 0 -x sleep", timeout=60)
