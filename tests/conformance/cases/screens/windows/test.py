names = machine.get_window_names()
assert "xterm" in names, names
assert len(names) == 2, names
machine.wait_for_window("xte.m")
machine.wait_for_window("Firefox", timeout=10)
