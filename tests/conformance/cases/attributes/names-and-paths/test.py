from pathlib import Path

assert web_1.name == "web-1"
for path in (web_1.out_dir, web_1.tmp_dir, web_1.state_dir, web_1.shared_dir, web_1.monitor_path, web_1.qmp_path, web_1.shell_path):
    assert isinstance(path, Path), path
assert web_1.out_dir == driver.out_dir
assert web_1.state_dir == web_1.tmp_dir / "vm-state-web-1"
assert web_1.shared_dir == web_1.tmp_dir / "shared-xchg"
assert web_1.state_dir.is_dir(), "before the first start"
assert web_1.state_dir.stat().st_mode & 0o777 == 0o700
assert web_1.start_command
assert web_1.keep_machine_state is False
web_1.start()
for path in (web_1.monitor_path, web_1.qmp_path, web_1.shell_path):
    assert path.parent == web_1.state_dir
assert hasattr(web_1, "forward_port") and hasattr(web_1, "copy_from_vm")
