serial_stdout_off()
machine.succeed("head -c 134217728 /dev/zero | tr '\\0' x | fold -w 4000 >&2; echo the end >&2")
machine.wait_for_console_text("the end", timeout=60)
assert len(machine.get_console_log()) > 128 << 20
