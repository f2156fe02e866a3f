import time

from test_driver.errors import MachineError

begin = time.monotonic()
for command in ("kill -9 $PPID", "kill -9 $PPID; sleep 600"):
    try:
        status, _ = machine.execute(command)
        assert status != 0, "it did not end well"
    except MachineError as error:
        assert command in str(error), error
assert time.monotonic() - begin < 100
assert machine.succeed("echo in step") == "in step\n"
