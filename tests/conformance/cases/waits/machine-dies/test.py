import time

from test_driver.errors import MachineError

begin = time.monotonic()
with t.assertRaises(MachineError) as caught:
    machine.wait_until_succeeds("false")
assert isinstance(caught.exception, BrokenPipeError), caught.exception
assert time.monotonic() - begin < 100
