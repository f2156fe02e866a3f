for expected in (True, False):
    status = "0" if expected else "1"
    (machine.succeed if expected else machine.fail)(f"exit {status}")
    run = machine.succeed if expected else machine.execute
    assert run("echo x") in ("x\n", (0, "x\n"))
for method in [machine.shutdown, machine.crash]:
    machine.start()
    with subtest(f"after {method.__name__}"):
        method()
        assert not machine.booted
assert [m.__name__ for m in (machine.shutdown, machine.crash)] == ["shutdown", "crash"]
assert machine.succeed.__self__ is machine and machine.succeed == machine.succeed
