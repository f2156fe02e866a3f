import re

machine.start()
for wait in (
    lambda: machine.wait_for_console_text("(unclosed"),
    lambda: machine.wait_for_text("[unclosed"),
    lambda: machine.wait_until_tty_matches("1", "*"),
    lambda: machine.wait_for_window("(unclosed"),
):
    with t.assertRaises(re.error):
        wait()
