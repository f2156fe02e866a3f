machine.succeed("echo marker >&2")
machine.wait_for_console_text("marker", timeout=10)
with t.assertRaisesRegex(AssertionError, "action timed out"):
    machine.wait_for_console_text("marker", timeout=0.5)
machine.succeed("echo marker >&2")
machine.wait_for_console_text("marker", timeout=10)
# A match uses up its line, not those behind it.
machine.succeed("for i in 1 2 3; do echo line $i >&2; done")
machine.wait_for_console_text("line 1", timeout=10)
machine.wait_for_console_text("line 2", timeout=10)
machine.wait_for_console_text("line 3", timeout=10)
