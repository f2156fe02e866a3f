from test_driver.errors import MachineError

machine.start()
with t.assertRaises(MachineError):
    machine.wait_for_qmp_event(lambda event: False)
