for call in (
    lambda: machine.execute(None),
    lambda: machine.succeed(["echo", "x"]),
    lambda: machine.succeed(5),
    lambda: machine.fail(None),
    lambda: machine.wait_until_succeeds(None),
    lambda: machine.wait_for_unit(None),
    lambda: machine.wait_for_console_text(None),
    lambda: machine.send_chars(5),
    lambda: machine.send_monitor_command(None),
    lambda: machine.execute("true", no_such_argument=1),
    lambda: machine.no_such_method(),
):
    with t.assertRaises((TypeError, AttributeError)):
        call()
assert machine.succeed("echo in step") == "in step\n"
