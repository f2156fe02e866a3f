machine.start()
for key in ("ret", "esc", "tab", "left", "alt-f2", "ctrl-meta_l-up", "alt-shift-q", "ctrl-d", "a"):
    machine.send_key(key)
machine.send_key("b", 0)
machine.send_key("c", delay=None)
machine.send_key("d", delay=0.01, log=False)
machine.send_key("?")
pressed = (machine.state_dir / "keys").read_text().split()
assert pressed == [
    "ret", "esc", "tab", "left", "alt-f2", "ctrl-meta_l-up", "alt-shift-q", "ctrl-d", "a",
    "b", "c", "d", "shift-slash",
], pressed
