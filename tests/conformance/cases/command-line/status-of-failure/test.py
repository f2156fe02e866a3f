machine.fail("true")
