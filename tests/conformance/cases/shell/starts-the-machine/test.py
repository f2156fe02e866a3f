assert not machine.is_up() and not machine.booted
assert machine.succeed("echo booted") == "booted\n"
assert machine.is_up() and machine.booted
