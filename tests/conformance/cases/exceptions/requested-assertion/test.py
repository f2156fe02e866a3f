from test_driver.errors import RequestedAssertionFailed

errors = []
for wrong in (
    lambda: machine.succeed("echo no; exit 3"),
    lambda: machine.fail("echo yes"),
    lambda: machine.wait_for_file("/does/not/exist", 0.1),
    lambda: retry(lambda _: False, timeout_seconds=0),
):
    try:
        wrong()
    except RequestedAssertionFailed as error:
        errors.append(str(error))
assert len(errors) == 4 and all(errors), errors
assert issubclass(RequestedAssertionFailed, Exception)
