def message_of(call, *args, **kwargs):
    with t.assertRaises(Exception) as caught:
        call(*args, **kwargs)
    return str(caught.exception)


assert "exit code 42" in message_of(machine.succeed, "exit 42")
assert "command `false` failed" in message_of(machine.succeed, "true", "false")
assert "command `true` unexpectedly succeeded" in message_of(machine.fail, "true")
assert "action timed out" in message_of(machine.wait_until_succeeds, "false", timeout=0.1)
assert "action timed out" in message_of(machine.wait_until_fails, "true", 0.1)
assert "action timed out" in message_of(machine.wait_for_file, "/does/not/exist", timeout=0.1)
assert "action timed out" in message_of(retry, lambda _: False, 0.1)
