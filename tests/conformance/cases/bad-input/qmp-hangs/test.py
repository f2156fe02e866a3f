from test_driver.errors import MachineError

with t.assertRaisesRegex(MachineError, "QMP"):
    machine.start()
