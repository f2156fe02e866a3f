import time

machine.start()
machine.connect()


def seconds_of(call, *args):
    begin = time.monotonic()
    call(*args)
    return time.monotonic() - begin


waits = []
commands = []
for number in range(10):
    commands.append(seconds_of(machine.succeed, f"(sleep 0.1; touch file{number}) >&2 &"))
    waits.append(seconds_of(machine.wait_for_file, f"file{number}"))
# A driver that looks once a second takes that for each. On a busy host a look takes as long as a
# command, and the pause after it is a multiple of that.
assert min(waits) < 0.3 + 20 * max(commands), (waits, commands)
