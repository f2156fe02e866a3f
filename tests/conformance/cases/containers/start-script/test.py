from pathlib import Path

box.start()
environment = Path(f"/proc/{box.process.pid}/environ").read_bytes().decode()
variables = dict(item.split("=", 1) for item in environment.split("\0") if item)
for name in ("PWD", "OLDPWD", "SHLVL", "_"):  # the shell's own
    variables.pop(name, None)
assert variables == {
    "RUN_NSPAWN_ROOT_DIR": str(box.state_dir),
    "RUN_NSPAWN_SHARED_DIR": str(box.shared_dir),
    "NOTIFY_SOCKET": str(box.machine_sock_path),
}, variables
