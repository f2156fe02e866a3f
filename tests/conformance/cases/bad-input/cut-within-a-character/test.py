machine.succeed("sleep 60 # x" + "✓" * 200)
