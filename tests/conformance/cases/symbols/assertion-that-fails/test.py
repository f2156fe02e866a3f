lines = machine.succeed("seq 3").splitlines()
t.assertEqual(lines, ["1", "2", "4"], "the numbers")
