from pathlib import Path

machine.start()
machine.screenshot("plain")
machine.screenshot("channel" + "_x")
machine.screenshot("with.png")
machine.screenshot(str(Path.cwd() / "elsewhere"))
machine.screenshot(Path("sub.png"))
for path in (*(driver.out_dir / n for n in ("plain.png", "channel_x.png", "with.png")), Path("elsewhere.png")):
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n"), path
