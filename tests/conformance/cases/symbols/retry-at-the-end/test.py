import time

arguments = []
begin = time.monotonic()
with t.assertRaisesRegex(Exception, "action timed out"):
    retry(arguments.append, timeout=0.3)
assert 0.25 < time.monotonic() - begin < 60
assert arguments[-1] is True and not any(arguments[:-1])
retry(lambda last_try: last_try, timeout=0.1)
with t.assertRaises(ZeroDivisionError):
    retry(lambda _: 1 / 0)
