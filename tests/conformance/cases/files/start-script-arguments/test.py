machine.start()
arguments, variables = (machine.state_dir / "dumped").read_text().split("-- environment --\n")
arguments = arguments.splitlines()
options = list(zip(arguments, arguments[1:]))
state = machine.state_dir
assert ("-qmp", f"unix:{machine.qmp_path},server=on,wait=off") in options
assert ("-monitor", f"unix:{machine.monitor_path}") in options
assert ("-chardev", f"socket,id=shell,path={machine.shell_path}") in options
devices = [value for name, value in options if name == "-device"]
assert devices[:3] == ["virtio-serial", "virtconsole,chardev=shell", "virtio-rng-pci"]
assert ("-serial", "stdio") in options and {"-no-reboot", "-nographic"} <= set(arguments)
assert machine.qmp_path.parent == state
for line in (f"cwd={state}", f"TMPDIR={state}", f"SHARED_DIR={machine.shared_dir}", "USE_TMPDIR=1"):
    assert f"{line}\n" in variables, line
for vlan in vlans:
    assert f"QEMU_VDE_SOCKET_{vlan.nr}={vlan.socket_dir}\n" in variables
assert "MINE=of the caller" in open(f"/proc/{machine.pid}/environ").read().split("\0")
