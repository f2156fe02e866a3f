commands = ["echo one", "printf two", "echo"]
assert machine.succeed(*commands) == "one\ntwo\n"
assert machine.succeed() == ""
assert machine.succeed("true", "true", timeout=30) == ""
try:
    machine.succeed("touch first", "exit 9", "touch never")
except Exception as error:
    assert "exit 9" in str(error) and "exit code 9" in str(error), error
else:
    assert False, "the second command failed"
machine.succeed("test -e first")
machine.fail("test -e never")
