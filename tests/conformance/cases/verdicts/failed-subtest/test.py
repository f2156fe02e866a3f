with subtest("the first"):
    machine.succeed("true")
with subtest("the second"):
    machine.succeed("false")
