start_all()
machine.connect()
machine.succeed("true")
with machine.nested("checking"):
    machine.fail("false")
