import time

from test_driver.errors import MachineError

machine.start(allow_reboot=True)
begin = time.monotonic()
try:
    status, output = machine.execute("echo begun; reboot; sleep 60", timeout=10)
    assert status != 0, (status, output)
except MachineError as error:
    assert "reboot" in str(error), error
machine.connected = False
assert machine.succeed("echo up again") == "up again\n"
assert time.monotonic() - begin < 100
