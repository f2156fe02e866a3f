machine.start()
assert (machine.state_dir / "disk.qcow2").read_text() == "of the last run\n"
