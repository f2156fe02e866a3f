import time

calls = []


@polling_condition(seconds_interval=0.2)
def third_time():
    calls.append(time.monotonic())
    if len(calls) < 3:
        raise RuntimeError("not yet")


third_time.wait(timeout=30)
assert len(calls) == 3 and calls[2] - calls[0] >= 0.4


tries = []


@polling_condition(seconds_interval=0)
def nothing():
    return tries.append(1) or False


with t.assertRaisesRegex(Exception, "action timed out"):
    nothing.wait(timeout=0.3)
assert 2 < len(tries) < 60, "it is no busy loop"
