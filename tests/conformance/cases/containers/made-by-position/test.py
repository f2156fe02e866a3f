start = str(box.start_command)
own = NspawnMachine(driver.out_dir, None, start, box.state_dir, log, [], True)
assert own.name == "box" and own.keep_machine_state
assert own.state_dir == box.state_dir / "vm-state-box"
own = NspawnMachine(driver.out_dir, "own", start, box.state_dir, log)
assert own.name == "own" and not own.keep_machine_state
