with t.assertRaises(BrokenPipeError):
    machine.succeed("sleep 60")
