import subprocess

from test_driver.errors import MachineError, RequestedAssertionFailed

assert issubclass(RequestedAssertionFailed, AssertionError)
assert issubclass(MachineError, Exception)
for call in (
    lambda: machine.succeed("false"),
    lambda: machine.fail("true"),
    lambda: machine.wait_until_succeeds("false", 0.2),
    lambda: machine.wait_for_unit("no-such.service"),
    lambda: machine.require_unit_state("no-such.service"),
    lambda: machine.wait_for_file("/nonexistent", 0.2),
    lambda: machine.wait_for_console_text("never", 0.2),
    lambda: machine.copy_from_machine("/nonexistent"),
    lambda: t.assertEqual(1, 2),
):
    with t.assertRaises(RequestedAssertionFailed) as caught:
        call()
    assert str(caught.exception)
with t.assertRaises(FileNotFoundError):
    machine.copy_from_host("nonexistent", "/tmp")
machine.process.kill()
machine.process.wait()
for call in (lambda: machine.succeed("true"), lambda: machine.wait_for_unit("multi-user.target")):
    with t.assertRaises(MachineError) as caught:
        call()
    assert isinstance(caught.exception, BrokenPipeError)
    assert "machine" in str(caught.exception)
