machine.succeed("sleep 100")
