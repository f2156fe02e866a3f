one.start()
(one.state_dir / "empty0.qcow2").write_text("data")
(one.shared_dir / "shared.txt").write_text("for all")
one.shutdown()
assert (one.state_dir / "empty0.qcow2").read_text() == "data"
two.start()
assert two.shared_dir == one.shared_dir and (two.shared_dir / "shared.txt").exists()
one.crash()
assert one.state_dir.is_dir()
