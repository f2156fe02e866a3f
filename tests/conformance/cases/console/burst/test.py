import time

machine.succeed("true")
begin = time.monotonic()
machine.succeed("seq -f 'burst %.0f' 20000 >&2; echo burst end >&2")
machine.wait_for_console_text("burst 17\n", timeout=60)
machine.wait_for_console_text("burst end", timeout=60)
assert time.monotonic() - begin < 100
