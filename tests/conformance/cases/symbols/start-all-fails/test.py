import re

from test_driver.errors import MachineError

with t.assertRaises(MachineError) as caught:
    start_all()
lines = str(caught.exception).splitlines()
assert lines[0] == "Failed to start the following machines:", lines
assert sum(line.startswith("one: ") and re.search(r"\b3\b", line) is not None for line in lines) == 1, lines
assert sum(line.startswith("two: ") and re.search(r"\b4\b", line) is not None for line in lines) == 1, lines
assert good.booted and not one.booted and not two.booted
