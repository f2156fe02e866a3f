import time

assert machine.succeed("echo to the console >&2; echo out") == "out\n"
machine.wait_for_console_text("to the console", timeout=10)
assert "to the console" in machine.get_console_log()
assert machine.succeed("{ echo out; echo err >&2; } >&2") == ""
assert machine.execute("ls /nonexistent")[1] == ""
assert "nonexistent" in machine.execute("ls /nonexistent 2>&1")[1]
assert machine.succeed("echo seen | tee /dev/stderr") == "seen\n"
machine.wait_for_console_text("seen", timeout=10)
