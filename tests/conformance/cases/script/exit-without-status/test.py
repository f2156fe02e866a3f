machine.succeed("true")
raise SystemExit
machine.fail("echo not reached")
