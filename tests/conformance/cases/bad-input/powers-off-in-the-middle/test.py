with t.assertRaises(BrokenPipeError) as caught:
    machine.succeed("echo begun; poweroff; sleep 60")
assert "poweroff" in str(caught.exception), caught.exception
