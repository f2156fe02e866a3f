machine.succeed("false")
