machine.role = "builder"
machine.addresses = []
machine.addresses.append("192.168.1.1")
assert machines[0].role == "builder" and machine.addresses == ["192.168.1.1"]
assert not hasattr(machine, "no_such_attribute")
machine.succeed = lambda command: f"instead of {command}"
assert machine.succeed("x") == "instead of x"
del machine.succeed
assert machine.succeed("echo y") == "y\n"
