machine.start()
assert (machine.state_dir / "disk.qcow2").exists() and machine.keep_machine_state
