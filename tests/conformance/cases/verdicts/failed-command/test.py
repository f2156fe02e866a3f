machine.succeed("true")
machine.succeed("echo some; echo words; exit 3")
