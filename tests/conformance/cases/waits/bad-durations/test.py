from datetime import timedelta
from test_driver.duration import as_seconds, as_timedelta

for limit in ("5", [], object(), True):
    for call in (
        lambda: machine.wait_until_succeeds("true", timeout=limit),
        lambda: machine.execute("true", timeout=limit),
        lambda: machine.wait_for_text("x", limit),
        lambda: machine.send_key("a", delay=limit),
        lambda: machine.sleep(limit),
        lambda: retry(lambda last: True, limit),
        lambda: polling_condition(lambda: True, seconds_interval=limit),
        lambda: as_seconds(limit),
        lambda: as_timedelta(limit),
    ):
        with t.assertRaises(TypeError):
            call()
nan = float("nan")
for call in (
    lambda: machine.wait_until_succeeds("false", timeout=nan),
    lambda: machine.wait_for_console_text("never", timeout=nan),
    lambda: machine.sleep(nan),
    lambda: retry(lambda last: False, nan),
    lambda: polling_condition(lambda: False).wait(timeout=nan),
    lambda: as_seconds(nan),
    lambda: as_timedelta(nan),
):
    with t.assertRaises(ValueError):
        call()
one = timedelta(seconds=1)
always = polling_condition(lambda: True)
for call in (
    lambda: machine.sleep(secs=1, duration=one),
    lambda: machine.sleep(),
    lambda: retry(lambda last: True, timeout_seconds=1, timeout=one),
    lambda: always.wait(timeout_seconds=1, timeout=one),
    lambda: polling_condition(lambda: True, seconds_interval=1, interval=one),
):
    with t.assertRaises(TypeError):
        call()
assert machine.succeed("echo still here") == "still here\n"
