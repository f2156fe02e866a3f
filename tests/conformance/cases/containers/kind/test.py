assert isinstance(box, NspawnMachine) and isinstance(box, BaseMachine)
assert not hasattr(box, "forward_port") and hasattr(web, "forward_port")
for name in ("crash", "send_monitor_command", "block", "get_tty_text", "wait_for_console_text"):
    assert not hasattr(box, name), name
for name in ("succeed", "wait_for_unit", "wait_for_file", "copy_from_host", "copy_from_machine"):
    assert hasattr(box, name), name
assert machines == [box, web] and machines_nspawn == [box] and machines_qemu == [web]
