with subtest("outer"):
    with subtest("inner"):
        assert machine.succeed("echo 1").strip() == "2"
    print("after inner")

with subtest("fails"):
    machine.succeed("exit 3")

with subtest("passes"):
    machine.succeed("true")

print("end")
