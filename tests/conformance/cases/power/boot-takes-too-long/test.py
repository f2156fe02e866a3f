from test_driver.errors import MachineError

with t.assertRaisesRegex(MachineError, "has opened no root shell in the time that it has"):
    machine.connect()
assert machine.booted and not machine.connected
