assert target.state_dir.name == "vm-state-target"
installer.start()
(installer.state_dir / "target.qcow2").write_text("a disk")
installer.shutdown()
target.state_dir = installer.state_dir
target.start()
dump = (installer.state_dir / "dumped").read_text()
assert f"cwd={installer.state_dir}\n" in dump and f"TMPDIR={installer.state_dir}\n" in dump
assert (target.state_dir / "target.qcow2").read_text() == "a disk"
assert target.succeed("echo up") == "up\n"
