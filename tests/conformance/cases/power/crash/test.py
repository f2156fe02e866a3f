machine.crash()
machine.succeed("echo kept > ~/file")
machine.crash()
assert not machine.booted and not machine.is_up()
machine.crash()
machine.wait_for_unit("multi-user.target")
assert machine.succeed("cat ~/file") == "kept\n"
for method in [machine.shutdown, machine.crash]:
    assert method.__name__ in ("shutdown", "crash")
    machine.start()
    method()
    assert not machine.booted
