"""Files of calls that are unfinished when the driver ends are removed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Conversation, Workspace

SpawnDriver = Callable[..., Conversation]

HANG = """
import os, signal, time
from test_driver.files import task

def hang(*arguments, **more):
    print("busy", flush=True)
    time.sleep(1000)

web.connect()
"""

# Calls that block while temporary files exist.
CALLS = {
    "screenshot": """
os.killpg(web.pid, signal.SIGSTOP)
print("busy", flush=True)
web.screenshot("x")""",
    "a picture's file": 'os.replace = hang\nweb.screenshot("x")',
    "get_screen_text": """
from test_driver.machine import ocr
ocr.perform_ocr_on_screenshot = hang
ocr.find_tesseract = lambda: ""
web.get_screen_text()""",
    "copy_from_host": 'task.Task.ask = hang\nweb.copy_from_host("/etc/passwd", "x")',
    "copy_from_machine": 'task.Task.read = hang\nweb.copy_from_machine("/etc/passwd")',
    "a tree": """
web.succeed("mkdir -p dir/below && touch dir/below/file")
from test_driver.files import beneath
beneath.Directory.place = hang
web.copy_from_machine("dir")""",
    "capture": 'capture = vlan1.capture("x.pcap")\nhang()',
    "a debugger": "debug.breakpoint()",
}

UNFINISHED = (".screen-", "screen-", ".ntd-", "copy-", "debugger-key-")


def unfinished(workspace: Workspace) -> list[Path]:
    return [
        path
        for path in workspace.root.rglob("*")
        if path.name.startswith(UNFINISHED) or path.suffix in (".part", ".new", ".run")
    ]


def spawn(spawn_driver: SpawnDriver, workspace: Workspace, call: str) -> Conversation:
    driver = spawn_driver(
        HANG + CALLS[call],
        vlans=[1],
        args=["--debug-hook-attach", "x", "--junit-xml", str(workspace.out / "junit.xml")],
    )
    driver.expect("^busy|attach to it with")
    return driver


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_unfinished_is_left(
    spawn_driver: SpawnDriver, workspace: Workspace, call: str, number: int
) -> None:
    driver = spawn(spawn_driver, workspace, call)
    driver.signal(number)
    assert driver.end() == -number
    workspace.wait_until_no_process()
    assert unfinished(workspace) == []


@pytest.mark.parametrize("call", ["screenshot", "copy_from_machine"])
def test_global_time_limit_leaves_nothing_unfinished(
    spawn_driver: SpawnDriver, workspace: Workspace, call: str
) -> None:
    limit = "import _ntd\n_ntd.set_global_timeout(1)\n"
    driver = spawn_driver(HANG + limit + CALLS[call])
    assert driver.end() == -signal.SIGTERM
    assert unfinished(workspace) == []


def test_they_are_there_meanwhile(spawn_driver: SpawnDriver, workspace: Workspace) -> None:
    driver = spawn(spawn_driver, workspace, "copy_from_machine")
    assert {path.name.partition("-")[0] for path in unfinished(workspace)} == {".ntd", "copy"}
    driver.signal(signal.SIGTERM)
    driver.end()
