from test_driver.errors import MachineError

machine.start()
with t.assertRaises(MachineError):
    machine.wait_for_console_text("never")
