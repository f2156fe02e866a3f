from test_driver.errors import MachineError

with t.assertRaisesRegex(MachineError, "not running"):
    machine.send_console("x")
