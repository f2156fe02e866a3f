from test_driver.errors import MachineError

lazy = create_machine("sleep 60; true", name="lazy")
with t.assertRaisesRegex(MachineError, "start script"):
    lazy.start()
for command in ("/no/such/program", "exit 7;", "'unclosed"):
    with t.assertRaises(MachineError):
        create_machine(command, name="bad").start()
