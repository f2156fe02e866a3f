import time
from datetime import timedelta

machine.start()
begin = time.monotonic()
for limit in (0.3, timedelta(milliseconds=300)):
    with t.assertRaises(TimeoutError):
        machine.wait_for_qmp_event(lambda event: event["event"] == "NEVER", timeout=limit)
    with t.assertRaises(TimeoutError):
        machine.qmp_client.wait_for_event(lambda event: False, limit)
assert 1 < time.monotonic() - begin < 100
assert machine.qmp_client.send("query-status")["return"]["running"]
