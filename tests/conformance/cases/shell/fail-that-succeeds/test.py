machine.fail("echo all is well")
