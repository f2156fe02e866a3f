assert machine.succeed("(echo ONE; sleep 11; echo TWO) &") == "ONE\nTWO\n"
