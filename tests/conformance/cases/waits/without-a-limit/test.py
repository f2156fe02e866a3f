import _ntd

# What is left of the wait's time when it looks.
left = []


def look(*_):
    left.append(_ntd.WaitLimit.left_now())
    return True


machine.succeed("touch there; echo marker >&2")
machine.callbacks.append(look)
for wait in (
    lambda: retry(look, None),
    lambda: retry(look, timeout=None),
    lambda: machine.wait_until_succeeds("true", None),
    lambda: machine.wait_until_fails("false", None),
    lambda: machine.wait_for_file("there", timeout=None),
    lambda: machine.wait_for_unit("multi-user.target", timeout=None),
    lambda: machine.wait_for_closed_port(1, timeout=None),
    lambda: polling_condition(look).wait(None),
):
    left.clear()
    wait()
    assert all(800 < seconds <= 905 for seconds in left) and left, left
for call in (
    lambda: machine.execute("true", timeout=None),
    lambda: machine.succeed("true", timeout=None),
    lambda: machine.fail("false", timeout=None),
):
    left.clear()
    call()
    assert left == [float("inf")], left
machine.wait_for_console_text("marker", None)
