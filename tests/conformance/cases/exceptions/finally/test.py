try:
    with subtest("work"):
        machine.succeed("echo working; exit 5")
finally:
    machine.succeed("echo cleaning up")
    print(machine.execute("echo status of the service; exit 3"))
