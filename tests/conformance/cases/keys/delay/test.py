import time
from datetime import timedelta

machine.start()
begin = time.monotonic()
machine.send_chars("12345", delay=0.1)
machine.send_chars("12345", timedelta(milliseconds=100))
machine.send_key("a", 0.2)
assert time.monotonic() - begin >= 1.2
begin = time.monotonic()
machine.send_chars("x" * 100, 0)
assert time.monotonic() - begin < 100
