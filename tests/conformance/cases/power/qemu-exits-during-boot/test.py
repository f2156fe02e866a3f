from test_driver.errors import MachineError

machine.start()
with t.assertRaises(MachineError) as caught:
    machine.connect()
assert "signal 9" in str(caught.exception), caught.exception
assert "init process" in str(caught.exception), "the console's last lines"
assert isinstance(caught.exception, BrokenPipeError)
