from pathlib import Path

path = Path(RESULT).with_name("lines")
filler = "x" * 88
path.write_text("".join(f"line {n:06} {filler}\n" for n in range(LINES - 1)) + "the last one\n")
machine.succeed("true")
used = cpu()
begin = time.monotonic()
machine.execute(f"cat {path} >&2", check_return=False, check_output=False)
machine.wait_for_console_text("the last one")
report(console__seconds=[time.monotonic() - begin], console__cpu=[cpu() - used])
