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
machine.callbacks.clear()
machine.fail("test -e never")
