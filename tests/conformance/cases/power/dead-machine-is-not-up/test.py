from test_driver.errors import MachineError

machine.succeed("true")
assert machine.is_up()
with t.assertRaises(MachineError):
    machine.succeed("sleep 20")
assert not machine.is_up()
# And so the end of the test does not ask it to write its disks.
