from test_driver import machine

is_new = hasattr(machine, "QemuMachine")
Machine = machine.QemuMachine if is_new else machine.Machine
start = os.environ["START"] if is_new else base.start_command
called = []
own = Machine(
    driver.out_dir, base.state_dir, start, log, "own", True, [lambda: called.append(1)]
)
try:
    assert own.name == "own" and own.state_dir == base.state_dir / "vm-state-own"
    own.start()
    own.send_monitor_command("info status")
    assert called == [1]
finally:
    own.release()
assert getattr(own, "keep_machine_state", None) or own.keep_vm_state
