from datetime import timedelta

machine.succeed("touch there")
for limit in (5, 5.5, timedelta(seconds=5), None):
    assert machine.execute("echo x", timeout=limit) == (0, "x\n")
    machine.succeed("true", timeout=limit)
    machine.fail("false", timeout=limit)
    machine.wait_until_succeeds("true", limit)
    machine.wait_until_fails("false", timeout=limit)
    machine.wait_for_file("there", limit)
    machine.wait_for_unit("multi-user.target", None, limit)
    machine.wait_for_closed_port(1, "localhost", limit)
    machine.succeed("echo marker >&2")
    machine.wait_for_console_text("marker", timeout=limit)
    retry(lambda last: True, limit)
for limit in (0.3, timedelta(milliseconds=300)):
    for call in (
        lambda: machine.wait_until_succeeds("false", limit),
        lambda: machine.wait_for_file("nowhere", timeout=limit),
        lambda: machine.wait_for_open_port(1, timeout=limit),
        lambda: machine.wait_for_console_text("never", limit),
    ):
        with t.assertRaisesRegex(AssertionError, "action timed out"):
            call()
assert machine.execute("sleep 9", timeout=timedelta(milliseconds=300))[0] == 124
