from pathlib import Path

installer.succeed("echo installed > ~/disk")
(installer.state_dir / "target.qcow2").write_text("image")
installer.shutdown()
target.state_dir = installer.state_dir
target.start()
assert (target.state_dir / "target.qcow2").read_text() == "image"
assert Path(f"/proc/{target.pid}/cwd").resolve() == installer.state_dir.resolve()
assert target.succeed("cat ~/disk") == "installed\n"
