assert machine.succeed("(echo ONE; sleep 1; echo TWO) &") == "ONE\nTWO\n"
assert machine.execute("(sleep 1; echo late) & exit 7") == (7, "late\n")
