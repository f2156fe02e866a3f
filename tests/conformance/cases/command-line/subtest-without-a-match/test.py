print("outside")

with subtest("has nginx"):
    machine.succeed("exit 3")

with subtest("outer"):
    print("outer")
    with subtest("has files"):
        print("files")
    with subtest("other"):
        machine.succeed("exit 4")

