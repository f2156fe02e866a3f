import queue

machine.start()
assert machine.serial_thread.is_alive()
machine.connect()
machine.wait_for_console_text("Startup finished", timeout=10)
# A helper as an old script has it.
def next_line(self):
    try:
        return self.last_lines.get(block=False)
    except queue.Empty:
        return None


while next_line(machine) is not None:
    pass
with t.assertRaises(queue.Empty):
    machine.last_lines.get_nowait()
with t.assertRaises(queue.Empty):
    machine.last_lines.get(timeout=0.2)
assert machine.last_lines.empty()
machine.succeed("echo one >&2; echo two >&2")
assert machine.last_lines.get().rstrip() == "one"
assert machine.last_lines.get(True, 10).rstrip() == "two"
lines = machine.full_console_log
assert isinstance(lines, list) and any("Linux version" in line for line in lines)
start = len(lines)
machine.shutdown()
machine.serial_thread.join()
assert not machine.serial_thread.is_alive()
assert any("Power down" in line for line in machine.full_console_log[start:])
