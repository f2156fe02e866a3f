"""Screenshots, the text in them, and windows."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import AT_ONCE, CLEAN_UP, PATIENCE, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

WIDTH, HEIGHT = 7, 3
PIXELS = bytes(range(WIDTH * HEIGHT * 3))


@pytest.fixture
def small_screen(workspace: Workspace) -> str:
    """Options for a machine whose screen shows PIXELS."""
    path = workspace.root / "small.ppm"
    path.write_bytes(b"P6\n%d %d\n255\n" % (WIDTH, HEIGHT) + PIXELS)
    return f"--screen={path}"


@pytest.fixture
def text_screen(workspace: Workspace) -> str:
    """Options for a machine whose screen shows "Welcome to the installer"."""
    convert = shutil.which("convert") or pytest.skip("there is no ImageMagick")
    if shutil.which("tesseract") is None:
        pytest.skip("there is no tesseract")
    path = workspace.root / "text.ppm"
    text = "label:Welcome to the installer"
    style = ["-depth", "8", "-font", "DejaVu-Sans", "-pointsize", "24", "-bordercolor", "white"]
    command = [convert, *style, text, "-border", "40", path]
    subprocess.run(command, check=True, timeout=60)
    return f"--screen={path}"


def tools(workspace: Workspace, **scripts: str) -> dict[str, str]:
    """An environment in which these scripts replace the programs of the same names."""
    directory = workspace.root / "tools"
    directory.mkdir()
    for name, script in scripts.items():
        path = directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin"}


def pixels_of(png: Path) -> tuple[int, int, bytes]:
    """The width, height and pixels of a PNG file without filters; checks its checksums."""
    content = png.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    chunks = dict(png_chunks(content[8:]))
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *kind = struct.unpack(">II5B", chunks[b"IHDR"])
    assert kind == [8, 2, 0, 0, 0]
    data = zlib.decompress(chunks[b"IDAT"])
    rows = [data[at : at + 1 + 3 * width] for at in range(0, len(data), 1 + 3 * width)]
    assert len(rows) == height and all(row[0] == 0 for row in rows)
    return width, height, b"".join(row[1:] for row in rows)


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    while content:
        (size,) = struct.unpack(">I", content[:4])
        kind, data = content[4:8], content[8 : 8 + size]
        assert struct.unpack(">I", content[8 + size : 12 + size])[0] == zlib.crc32(kind + data)
        yield kind, data
        content = content[12 + size :]


# --------------------------------------------------------------------------------------- pictures


def test_picture_has_the_pixels_of_the_screen(
    run_driver: RunDriver, workspace: Workspace, small_screen: str
) -> None:
    result = run_driver('web.start()\nweb.screenshot("shown")', {"web": small_screen})
    result.must_succeed().must_say(f"web: making screenshot {workspace.out}/shown.png")
    assert pixels_of(workspace.out / "shown.png") == (WIDTH, HEIGHT, PIXELS)
    assert [path.name for path in workspace.out.iterdir()] == ["shown.png"]


def test_names_of_pictures(
    run_driver: RunDriver, workspace: Workspace, small_screen: str
) -> None:
    script = f"""
        from pathlib import Path
        web.start()
        web.screenshot("v1.2")
        web.screenshot("{workspace.root}/elsewhere")
        web.screenshot(Path("{workspace.root}") / "path.png")
    """
    run_driver(script, {"web": small_screen}).must_succeed()
    root = workspace.root
    for path in (workspace.out / "v1.2", root / "elsewhere.png", root / "path.png"):
        assert pixels_of(path)[:2] == (WIDTH, HEIGHT)


def test_no_picture_of_a_machine_that_is_off(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver('web.screenshot("x")').must_fail().must_blame("MachineError", "is not running")
    assert not list(workspace.out.iterdir())


def test_picture_that_cannot_be_written(run_driver: RunDriver) -> None:
    run_driver('web.start()\nweb.screenshot("/nowhere/x.png")').must_fail("/nowhere/")


# ------------------------------------------------------------------------------------------- text


def test_text_on_the_screen(run_driver: RunDriver, text_screen: str) -> None:
    script = """
        web.start()
        assert "Welcome to the installer" in web.get_screen_text()
        variants = web.get_screen_text_variants()
        assert len(variants) == 3
        assert all("Welcome to the installer" in text for text in variants)
        web.wait_for_text(r"Welcome\\s+to")
    """
    run_driver(script, {"web": text_screen}).must_succeed()


def test_text_that_does_not_come(
    run_driver: RunDriver, workspace: Workspace, text_screen: str
) -> None:
    script = """
        import time
        web.start()
        begin = time.monotonic()
        web.get_screen_text_variants()
        web.wait_for_text("Goodbye", timeout=4 + 4 * (time.monotonic() - begin))
    """
    result = run_driver(script, {"web": text_screen})
    result.must_fail("waiting for Goodbye to appear on screen", "Welcome to the installer")
    result.must_blame("RequestedAssertionFailed", "action timed out")
    assert pixels_of(workspace.out / "web-last-screen.png")[0] > 80


def test_unchanged_screen_is_read_once(
    run_driver: RunDriver, workspace: Workspace, small_screen: str
) -> None:
    counter = workspace.root / "count"
    env = tools(workspace, tesseract=f"cat >{workspace.root}/$$; echo $1 >>{counter}; echo text")
    script = 'web.start()\nweb.wait_for_text("never", timeout=3)'
    run_driver(script, {"web": small_screen}, env=env).must_fail("web: text")
    assert len(counter.read_text().splitlines()) == (3 if shutil.which("convert") else 1)


def test_without_tesseract(run_driver: RunDriver, workspace: Workspace) -> None:
    # Taking a screenshot needs no other program.
    script = """
        wait = lambda: web.wait_for_text("x")
        for read in (wait, web.get_screen_text, web.get_screen_text_variants):
            with t.assertRaisesRegex(Exception, "OCR requested but enableOCR is false.* = true"):
                read()
    """
    tools(workspace)
    env = {"PATH": str(workspace.root / "tools")}
    run_driver(script, env=env).must_succeed()


def test_tesseract_that_does_not_work(
    run_driver: RunDriver, workspace: Workspace, small_screen: str
) -> None:
    env = tools(workspace, tesseract="echo no such language >&2; exit 1")
    result = run_driver('web.start()\nweb.wait_for_text("x")', {"web": small_screen}, env=env)
    result.must_fail().must_blame("OCR failed with status 1: no such language")


def test_first_match_ends_the_others(
    run_driver: RunDriver, workspace: Workspace, small_screen: str
) -> None:
    # The first tesseract process finds the text; the others never end.
    tesseract = f"mkdir {workspace.root}/first && echo found it || exec sleep 1000"
    env = tools(workspace, tesseract=tesseract)
    script = """
        import subprocess
        web.start()
        web.wait_for_text("found it")
        found = subprocess.run(["pgrep", "-f", "^sleep 1000$"], stdout=subprocess.PIPE, text=True)
        mark = os.environ["NTD_TEST_ID"].encode()
        for pid in found.stdout.split():
            assert mark not in open(f"/proc/{pid}/environ", "rb").read()
    """
    result = run_driver(script, {"web": small_screen}, env=env).must_succeed()
    assert result.seconds < 5 * AT_ONCE


def test_reading_that_hangs_ends_with_the_time_limit(
    run_driver: RunDriver, workspace: Workspace, small_screen: str
) -> None:
    env = tools(workspace, tesseract="trap '' TERM INT; sleep 1000")
    script = """
        import time
        from pathlib import Path
        from test_driver import screen
        from test_driver.screen import ocr
        screen.LAST_READING_LIMIT = 0.5
        web.start()
        begin = time.monotonic()
        with t.assertRaises(AssertionError):
            web.wait_for_text("x", timeout=1)
        assert time.monotonic() - begin < 100
        picture = Path(os.environ["PICTURE"])
        assert set(ocr.perform_ocr_variants_on_screenshot(picture, timeout=0.2)) == {""}
        assert ocr.perform_ocr_variants_on_screenshot(picture, variants=False, timeout=0) == [""]
    """
    env["PICTURE"] = small_screen.partition("=")[2]
    run_driver(script, {"web": small_screen}, env=env).must_succeed()


@pytest.mark.parametrize("number", [2, 15, 9])
def test_signals_leave_no_reading_behind(
    spawn_driver: SpawnDriver, workspace: Workspace, small_screen: str, number: int
) -> None:
    env = tools(workspace, tesseract=f"trap '' TERM INT; touch {workspace.root}/on; sleep 1000")
    script = 'web.start()\nweb.wait_for_text("x")'
    driver = spawn_driver(script, machines={"web": small_screen}, env=env)
    driver.expect("waiting for x to appear on screen")
    deadline = time.monotonic() + PATIENCE
    while not (workspace.root / "on").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    driver.signal(number)
    assert driver.end(CLEAN_UP * 3) in (130, -2, 143, -15, -9)


# ---------------------------------------------------------------------------------------- windows

WINDOWS = """
xwininfo: Window id: 0x4f7 (the root window) (has no name)

  Root window id: 0x4f7 (the root window) (has no name)
  Parent window id: 0x0 (none)
     2 children:
     0x1c00003 "root@machine: ~": ("xterm" "XTerm")  484x316+0+0  +0+0
        1 child:
        0x1c0000e (has no name): ()  484x316+0+0  +0+0
     0x1c00004 "it's "quoted"": ("x" "X")  1x1+0+0  +0+0
"""


def test_windows(run_driver: RunDriver, workspace: Workspace) -> None:
    (workspace.root / "windows").write_text(WINDOWS)
    env = tools(workspace, xwininfo=f"cat {workspace.root}/windows")
    script = """
        assert web.get_window_names() == ["root@machine: ~", "it's \\"quoted\\""]
        web.wait_for_window("root@")
        with t.assertRaisesRegex(AssertionError, "action timed out"):
            web.wait_for_window("^machine", timeout=0.3)
    """
    run_driver(script, env=env).must_succeed().must_say("root@machine: ~, it's")


def test_wait_for_window_without_xwininfo(run_driver: RunDriver, workspace: Workspace) -> None:
    env = tools(workspace, xwininfo="exit 127")
    result = run_driver('web.wait_for_window("x")', env=env)
    result.must_fail().must_blame("no program 'xwininfo'")


def test_wait_for_x(run_driver: RunDriver, workspace: Workspace) -> None:
    line = "systemd[900]: Reached target Current graphical user session."
    env = tools(workspace, journalctl=f"echo '{line}'; seq 100000")
    script = """
        if not os.path.exists("/tmp/.X11-unix/X0"):  # the fake guest sees the host's
            with t.assertRaisesRegex(AssertionError, "action timed out"):
                web.wait_for_x(timeout=0.3)
        real = web.execute
        web.execute = lambda command: real(command.replace("test -e /tmp/.X11-unix/X0", "true"))
        web.wait_for_x(timeout=5)
    """
    run_driver(script, env=env).must_succeed()


# --------------------------------------------------------------------------- virtual consoles

UNICODE = """case "$*" in
*" -t x4 /dev/vcsu3") echo ' 00000063 000000e9 00002502'; echo ' 000065e5 0000200b 00000000';;
*) exit 1;; esac"""
GLYPHS = """case "$*" in
*vcsu*) echo "od: /dev/vcsu3: No data available" >&2; exit 1;;
*" -t x1 /dev/vcs3") echo ' 63 e9 0a 09 20 7e';;
*) exit 1;; esac"""


def test_console_in_unicode(run_driver: RunDriver, workspace: Workspace) -> None:
    env = tools(workspace, stty='[ "$*" = "-F /dev/tty3 size" ] && echo 2 3', od=UNICODE)
    script = """
        text = web.get_tty_text(3)
        assert text == "c\u00e9\u2502\\n\u65e5 ", ascii(text)
        assert web.get_tty_text("3") == text
        web.wait_until_tty_matches(3, "\u00e9\u2502")
        web.dump_tty_contents(3)
        web.wait_for_console_text("c\u00e9\u2502")
    """
    run_driver(script, env=env).must_succeed()


def test_console_of_an_older_kernel(run_driver: RunDriver, workspace: Workspace) -> None:
    env = tools(workspace, stty="echo 2 3", od=GLYPHS)
    script = """
        text = web.get_tty_text(3)
        assert text == "c\ufffd\ufffd\\n\ufffd ~", ascii(text)
    """
    run_driver(script, env=env).must_succeed()


def test_console_that_is_not_there(run_driver: RunDriver, workspace: Workspace) -> None:
    env = tools(workspace, stty="exit 1", od=UNICODE)
    script = """
        web.dump_tty_contents(3)
        print("and on", flush=True)
        web.get_tty_text(3)
    """
    result = run_driver(script, env=env).must_fail()
    assert "and on" in result.stdout
    result.must_blame("command `stty -F /dev/tty3 size;", "failed (exit code 1)")
