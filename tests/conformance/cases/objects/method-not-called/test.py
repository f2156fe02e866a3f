machine.start()
machine.shutdown
machine.wait_for_unit
assert machine.booted and machine.succeed("echo up") == "up\n"
