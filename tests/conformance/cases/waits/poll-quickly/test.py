import time

machine.start()
machine.connect()
begin = time.monotonic()
for number in range(10):
    machine.succeed(f"(sleep 0.02; touch file{number}) >&2 &")
    machine.wait_for_file(f"file{number}")
# Another driver that looks once a second takes ten.
assert time.monotonic() - begin < 5, time.monotonic() - begin
