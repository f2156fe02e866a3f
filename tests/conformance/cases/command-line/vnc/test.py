machine.start()
assert machine.vnc_path == machine.state_dir / "vnc"
arguments = open(f"/proc/{machine.pid}/cmdline").read().split("\0")
assert arguments[arguments.index("-vnc") + 1] == f"unix:{machine.vnc_path}"
