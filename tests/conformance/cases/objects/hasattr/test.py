def kind(target):
    return "VM" if hasattr(target, "forward_port") else "container"


copy = machine.copy_from_machine if hasattr(machine, "copy_from_machine") else machine.copy_from_vm
assert kind(machine) == "VM" and hasattr(machine, "copy_from_vm")
assert not [name for name in ("forward_port", "send_monitor_command", "block") if hasattr(NspawnMachine, name)]
machine.succeed(f"echo copied >{os.getcwd()}/file")
copy(f"{os.getcwd()}/file")
assert (driver.out_dir / "file").read_text() == "copied\n"
