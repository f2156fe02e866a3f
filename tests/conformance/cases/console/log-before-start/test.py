assert machine.get_console_log() == ""
assert machine.full_console_log == []
