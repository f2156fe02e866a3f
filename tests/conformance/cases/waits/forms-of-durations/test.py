from datetime import timedelta
from test_driver.duration import as_seconds, as_timedelta

assert as_timedelta(90) == as_timedelta(timedelta(minutes=1.5)) == timedelta(seconds=90)
assert as_seconds(timedelta(minutes=1)) == as_seconds(60) == 60.0
machine.sleep(0)
machine.sleep(secs=0)
machine.sleep(duration=timedelta(0))
condition = polling_condition(lambda: True, interval=timedelta(seconds=3))
assert condition.interval == timedelta(seconds=3) and condition.seconds_interval == 3
condition.interval = timedelta(seconds=4)
assert condition.seconds_interval == 4
for arguments in ({}, {"timeout_seconds": 5}, {"timeout": timedelta(seconds=5)}):
    condition.wait(**arguments)
condition.wait(5)
