machine.start()
machine.succeed("sleep 1000")
