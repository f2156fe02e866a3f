"""A reader of the log may be slow, or stop reading: that delays neither the test nor its end."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness import PATIENCE, Conversation, Workspace, text

CAPACITY = 4096  # bytes; the smallest pipe that the kernel makes

# Logs more than the pipe holds, then creates the file `filled`.
FILL = """
import os, pathlib
marks = pathlib.Path(os.environ["MARKS"])
for number in range(1000):
    log.info(f"line {number} " + 100 * "x")
(marks / "filled").touch()
"""


class Unread:
    """A run whose log goes into a pipe that is read only when the test calls read()."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.reads, self._writes = os.pipe()
        fcntl.fcntl(self.reads, fcntl.F_SETPIPE_SZ, CAPACITY)

    def start(self, script: str, **options: Any) -> subprocess.Popen[bytes]:
        options["env"] = {"MARKS": str(self._workspace.root), **options.get("env", {})}
        command = self._workspace.command(script, **options)
        null = subprocess.DEVNULL
        process = self._workspace._popen(command, None, null, null, self._writes)
        os.close(self._writes)
        return process

    def wait_for(self, mark: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not (self._workspace.root / mark).exists():
            assert time.monotonic() < deadline, f"the script did not come to {mark!r}"
            time.sleep(0.01)

    def read(self) -> str:
        """Read the log to its end."""
        with open(self.reads, "rb", closefd=False) as pipe:
            return text(pipe.read())

    def close(self) -> None:
        os.close(self.reads)


@pytest.fixture
def unread(workspace: Workspace) -> Iterator[Unread]:
    run = Unread(workspace)
    yield run
    run.close()


def numbers(log: str) -> list[int]:
    return [int(number) for number in re.findall(r"^line (\d+) x+$", log, re.MULTILINE)]


# ------------------------------------------------------------------------- a reader that has stopped


def test_the_script_goes_on_and_ends(unread: Unread) -> None:
    assert unread.start(FILL).wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it(unread: Unread, number: int) -> None:
    driver = unread.start(FILL + "while True: machine.log('busy')")
    unread.wait_for("filled")
    driver.send_signal(number)
    assert driver.wait(PATIENCE) == -number


def test_a_signal_ends_it_while_the_console_speaks(unread: Unread) -> None:
    script = FILL + "web.execute('while :; do echo busy; done >/dev/console', check_output=False)"
    driver = unread.start(script)
    unread.wait_for("filled")
    driver.send_signal(signal.SIGTERM)
    assert driver.wait(PATIENCE) == -signal.SIGTERM


def test_the_global_timeout_ends_it(unread: Unread) -> None:
    driver = unread.start("while True: machine.log('busy')", args=["--global-timeout", "1"])
    assert driver.wait(PATIENCE) == -signal.SIGTERM


@pytest.mark.parametrize("end", ["raise Exception(100_000 * 'x')", "log_more()"])
def test_a_reader_that_has_stopped_is_waited_for_once_at_the_end(
    workspace: Workspace, end: str
) -> None:
    # Use the fastest of several runs, as the host may be busy: one wait is 2 s, two would be 4 s.
    script = f"""
import atexit, time, pathlib
def log_more():
    atexit.register(log.info, 100_000 * "x")
pathlib.Path(os.environ["MARKS"], "end").write_text(str(time.time()))
{end}
"""
    took = []
    for _ in range(3):
        run = Unread(workspace)
        run.start(script).wait(PATIENCE)
        took.append(time.time() - float((workspace.root / "end").read_text()))
        run.close()
    assert min(took) < 3.5, took


def test_other_threads_go_on(unread: Unread) -> None:
    script = """
        import os, pathlib, threading, time
        marks = pathlib.Path(os.environ["MARKS"])

        def busy() -> None:
            while True:
                machine.log(100 * "x")

        threading.Thread(target=busy, daemon=True).start()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            serial_stdout_off()
            log.set_log_level("INFO")
        (marks / "filled").touch()
    """
    driver = unread.start(script)
    unread.wait_for("filled")
    assert driver.wait(PATIENCE) == 0


def test_reports_have_all(unread: Unread, workspace: Workspace) -> None:
    junit, xml = workspace.root / "junit.xml", workspace.root / "log.xml"
    driver = unread.start(FILL, args=["--junit-xml", str(junit)], env={"LOGFILE": str(xml)})
    assert driver.wait(PATIENCE) == 0
    for report in (junit, xml):
        assert len(re.findall("line [0-9]+ x", report.read_text())) == 1000


def test_a_log_in_a_pipe_holds_nobody_up(workspace: Workspace) -> None:
    reads, writes = os.pipe()
    env = {"MARKS": str(workspace.root), "LOGFILE": f"/proc/self/fd/{writes}"}
    command = workspace.command(FILL, env=env)
    with subprocess.Popen(
        command.argv, env=command.env, stderr=subprocess.DEVNULL, pass_fds=[writes]
    ) as driver:
        os.close(writes)
        assert driver.wait(PATIENCE) == 0
    os.close(reads)


def test_nothing_is_lost_if_it_reads_again(unread: Unread) -> None:
    driver = unread.start(FILL)
    unread.wait_for("filled")
    log = unread.read()
    assert numbers(log) == list(range(1000))
    assert "test script finished in" in log
    assert driver.wait(PATIENCE) == 0


def test_what_is_left_out_is_said(unread: Unread, workspace: Workspace) -> None:
    script = FILL + """
for number in range(20):
    log.info("long " + 1_000_000 * "x")
(marks / "beyond").touch()
while not (marks / "go").exists():
    pass
log.info("the end")
"""
    driver = unread.start(script)
    unread.wait_for("beyond")
    (workspace.root / "go").touch()
    log = unread.read()
    assert driver.wait(PATIENCE) == 0
    assert numbers(log) == list(range(1000))
    kept = len(re.findall("^long x+$", log, re.MULTILINE))
    note = re.search(r"^\((\d+) lines, (\d+) bytes, are left out here", log, re.MULTILINE)
    assert note and int(note[1]) + kept == 20
    assert int(note[2]) == int(note[1]) * len("long \n" + 1_000_000 * "x")
    assert log.index(note[0]) < log.index("the end")


# ---------------------------------------------------------------------------------- a slow reader


def test_a_slow_reader_gets_all(unread: Unread) -> None:
    script = FILL + "web.connect(); web.shutdown()"
    driver = unread.start(script, machines={"web": "--console-lines=5000"})
    parts = []
    while part := os.read(unread.reads, 1000):
        parts.append(part)
        time.sleep(0.001)
    log = text(b"".join(parts))
    assert driver.wait(PATIENCE) == 0
    assert numbers(log) == list(range(1000))
    assert log.count("fake: boot line") == 5000
    assert "left out" not in log


def test_the_order_of_the_script_and_the_log_stays(workspace: Workspace) -> None:
    script = """
        for number in range(300):
            log.info(f"line {number} x")
            print(f"line {number} xx")
    """
    driver = workspace.spawn(workspace.command(script))
    assert driver.end() == 0
    assert numbers(text(driver.seen)) == [number for number in range(300) for _ in range(2)]


# -------------------------------------------------------------------------------------- a terminal


def wait_until_stopped(driver: Conversation) -> None:
    """Type Ctrl-S, and wait until there is no more output."""
    driver.type("\x13")
    while driver._read(time.monotonic() + 0.5):
        pass


SPEAK = """
import os, pathlib
marks = pathlib.Path(os.environ["MARKS"])
while not (marks / "go").exists():
    machine.log("busy")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_on_a_stopped_terminal(
    spawn_driver: Callable[..., Conversation], workspace: Workspace, number: int
) -> None:
    driver = spawn_driver(SPEAK, terminal=True, env={"MARKS": str(workspace.root)})
    driver.expect("busy")
    wait_until_stopped(driver)
    driver.signal(number)
    assert driver.process.wait(PATIENCE) == -number


def test_a_script_ends_on_a_stopped_terminal(
    spawn_driver: Callable[..., Conversation], workspace: Workspace
) -> None:
    driver = spawn_driver(SPEAK, terminal=True, env={"MARKS": str(workspace.root)})
    driver.expect("busy")
    wait_until_stopped(driver)
    (workspace.root / "go").touch()
    assert driver.process.wait(PATIENCE) == 0
