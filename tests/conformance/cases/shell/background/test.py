import time

begin = time.monotonic()
machine.succeed("sleep 30 >&2 &")
machine.succeed("(sleep 30; touch late) >/dev/null 2>&1 & disown")
machine.succeed("nohup sleep 30 >out 2>&1 & exit")
assert machine.succeed("(sleep 30) >&- & echo started") == "started\n"
assert time.monotonic() - begin < 10
machine.succeed("pgrep -x sleep")
