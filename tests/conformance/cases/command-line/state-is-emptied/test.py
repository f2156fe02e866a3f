import stat

machine.start()
assert not (machine.state_dir / "disk.qcow2").exists()
assert stat.S_IMODE(machine.state_dir.stat().st_mode) == 0o700
