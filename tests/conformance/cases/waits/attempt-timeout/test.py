from datetime import timedelta

hangs_once = "if [ -e tried ]; then echo second; else touch tried; sleep 1000; fi"
output = machine.wait_until_succeeds(hangs_once, 600, attempt_timeout=timedelta(seconds=0.5))
assert output == "second\n"
with t.assertRaisesRegex(AssertionError, "action timed out"):
    machine.wait_until_succeeds("sleep 1000", timeout=1, attempt_timeout=0.3)
