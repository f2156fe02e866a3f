called = []
machine.callbacks.append(lambda: called.append(1))
machine.succeed("true")
assert called
before = len(called)
machine.run_callbacks()
assert len(called) == before + 1


def fails():
    raise ValueError("of the callback")


machine.callbacks.append(fails)
with t.assertRaisesRegex(ValueError, "of the callback"):
    machine.succeed("touch never")
for press in (
    lambda: machine.send_monitor_command("system_powerdown"),
    lambda: machine.send_key("a"),
    lambda: machine.screenshot("never"),
):
    with t.assertRaisesRegex(ValueError, "of the callback"):
        press()
machine.callbacks.clear()
machine.fail("test -e never")
