def nographic():
    machine.start()
    words = (machine.state_dir / "dumped").read_text().splitlines()
    machine.crash()
    return "-nographic" in words


assert nographic()
for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
    os.environ[variable] = ":1"
    assert not nographic(), variable
    del os.environ[variable]
