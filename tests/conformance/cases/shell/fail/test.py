from test_driver.errors import RequestedAssertionFailed

assert machine.fail("echo why; exit 1", "echo more; false") == "why\nmore\n"
assert machine.fail("sleep 60", timeout=0.5) == ""
assert machine.fail() == ""
try:
    machine.fail("false", "echo done", "touch never")
except RequestedAssertionFailed as error:
    assert str(error) == "command `echo done` unexpectedly succeeded", error
else:
    assert False, "the second command succeeded"
machine.fail("test -e never")
