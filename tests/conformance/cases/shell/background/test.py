import time

begin = time.monotonic()
machine.succeed("sleep 600 >&2 &")
machine.succeed("(sleep 600; touch late) >/dev/null 2>&1 & disown")
machine.succeed("nohup sleep 600 >out 2>&1 & exit")
assert machine.succeed("(sleep 600) >&- & echo started") == "started\n"
assert time.monotonic() - begin < 100
machine.succeed("pgrep -x sleep")
