run = machine.succeed if True else machine.execute
assert run("echo x") == "x\n"
assert (machine.succeed if False else machine.execute)("echo x") == (0, "x\n")
machine.shutdown
machine.succeed("true")
for method in [machine.shutdown, machine.crash]:
    assert method.__name__ in ("shutdown", "crash") and method.__self__ is machine
waits = dict(file=machine.wait_for_file, unit=machine.wait_for_unit)
waits["file"]("/etc/passwd")
