import tempfile

image = tempfile.NamedTemporaryFile()
os.environ["NIX_DISK_IMAGE"] = image.name
os.environ["QEMU_OPTS"] = "-drive file=extra.img"
del os.environ["REMOVED"]
machine.start()
given = open(f"/proc/{machine.pid}/environ").read().split("\0")
assert f"NIX_DISK_IMAGE={image.name}" in given
assert not [word for word in given if word.startswith("REMOVED=")]
assert "QEMU_OPTS=-drive file=extra.img" in (machine.state_dir / "dumped").read_text()
