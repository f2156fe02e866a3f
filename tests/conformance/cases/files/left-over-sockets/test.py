assert machine.succeed("echo up") == "up\n"
machine.crash()
assert machine.succeed("echo again") == "again\n"
