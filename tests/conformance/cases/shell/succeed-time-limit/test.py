machine.succeed("echo begun; sleep 60", timeout=0.5)
