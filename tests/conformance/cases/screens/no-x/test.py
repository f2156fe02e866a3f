from datetime import timedelta

machine.succeed("true")
for limit in (0.5, timedelta(milliseconds=500)):
    with t.assertRaisesRegex(AssertionError, "action timed out"):
        machine.wait_for_x(timeout=limit)
with t.assertRaises(AssertionError):
    machine.get_window_names()
