assert machine.execute("false; echo not reached") == (1, "")
assert machine.execute("echo $UNSET_VARIABLE; echo not reached")[0] != 0
assert machine.execute("false | true")[0] == 1
assert machine.execute("(exit 3) | (exit 5) | true")[0] == 5
machine.succeed("! false", "false || true", "if false; then exit 1; fi")
machine.fail("true | grep -q x")
machine.succeed("set +eu; false; echo $UNSET; true")
