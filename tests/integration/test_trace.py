"""The trace of a run (NTD_TRACE): its content, however the run ends."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import AT_ONCE, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \+\d+\.\d{6} (\w+) (\w+): (.*) \[\d+\]", re.DOTALL
)


def trace_of(workspace: Workspace) -> Path:
    return workspace.root / "trace"


def traced(workspace: Workspace, **more: str) -> dict[str, str]:
    return {"NTD_TRACE": str(trace_of(workspace)), **more}


def entries(workspace: Workspace) -> list[tuple[str, str, str]]:
    """The level, category and text of each line. Checks that all lines have the format."""
    found = []
    for line in trace_of(workspace).read_text(encoding="utf-8").splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        found.append((match[1], match[2], match[3]))
    return found


def text_of(workspace: Workspace) -> str:
    return "\n".join(f"{level} {category}: {text}" for level, category, text in entries(workspace))


def test_begins_with_what_a_report_needs(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver("", {}, env=traced(workspace)).must_succeed()
    head = text_of(workspace).splitlines()[:6]
    starts = ["nixos-test-driver ", "command line: ", "variables: ", "Python 3.", "QEMU in PATH: "]
    for line, start in zip(head, [*starts, "kernel: Linux "], strict=True):
        assert line.startswith(f"info driver: {start}"), head
    assert "info bindings: the run is over: status 0, signal 0" in text_of(workspace)


def test_says_what_was_started_and_how_it_ended(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    script = """
        web.wait_until_succeeds("true")
        web.fail("false")
        web.shutdown()
    """
    run_driver(script, vlans=[1], env=traced(workspace)).must_succeed()
    text = text_of(workspace)
    spawned = re.search(r"info os: spawned process (\d+) \(group \1\): /bin/sh -c ", text)
    assert spawned, text
    pid = spawned[1]
    for line in (
        "info machine: web: start",
        f"info machine: web: launched, process {pid}",
        "info machine: web: a shell has greeted",
        "info machine: web: connected after ",
        f"debug os: guard: add group {pid}",
        f"info os: process {pid} exited with status 0",
        f"info machine: web: ended, process {pid}",
        "info network: vlan 1: running, process ",
        "debug qemu: web: event SHUTDOWN",
        "trace channel: QMP < ",
        "trace channel: web shell > ",
    ):
        assert line in text, f"{line!r} is not in:\n{text}"
    assert re.search(r"debug machine: try took [\d.]+ s: success after", text), text


def test_says_why_a_wait_looked_again(run_driver: RunDriver, workspace: Workspace) -> None:
    script = 'web.wait_until_succeeds("false", timeout=1)'
    run_driver(script, env=traced(workspace)).must_fail("action timed out")
    text = text_of(workspace)
    assert re.search(r"try took [\d.]+ s: not yet after [\d.]+ s; pause of [\d.]+ s", text), text
    assert re.search(r"pause ended after [\d.]+ s by (time|news)", text), text
    assert "debug machine: the last try: the time is over" in text


def test_has_the_levels_that_are_asked_for(run_driver: RunDriver, workspace: Workspace) -> None:
    levels = traced(workspace, NTD_TRACE_LEVEL="debug,os=info,driver=off")
    run_driver('web.succeed("true")', env=levels).must_succeed()
    found = {entry[:2] for entry in entries(workspace)}
    assert ("info", "os") in found and ("debug", "qemu") in found
    assert not found & {("debug", "os"), ("trace", "channel"), ("info", "driver")}


def test_is_complete_when_the_global_timeout_ends_the_run(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    script = 'web.wait_until_succeeds("false")'
    result = run_driver(script, env=traced(workspace), global_timeout=3)
    assert result.returncode == -signal.SIGTERM, str(result)
    text = text_of(workspace)
    assert "info driver: timeout reached; test terminating..." in text
    assert "debug os: signal 15 to group " in text
    assert "debug machine: try took " in text


def test_is_complete_when_sigterm_ends_the_run(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    driver = spawn_driver('web.connect()\nweb.succeed("sleep 1000")', env=traced(workspace))
    driver.expect("must succeed: sleep 1000")
    driver.signal(signal.SIGTERM)
    assert driver.end(AT_ONCE) == -signal.SIGTERM
    text = text_of(workspace)
    assert "info driver: received signal 15" in text
    assert "debug os: signal 15 to group " in text


def test_has_nothing_of_forks(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
        import os, sys
        web.connect()
        print("before")
        child = os.fork()
        if child == 0:
            sys.exit(0)
        print(os.waitpid(child, 0)[1])
        web.succeed("true")
    """
    run_driver(script, env=traced(workspace)).must_succeed()
    ends = [entry for entry in entries(workspace) if entry[2].startswith("the run is over")]
    assert len(ends) == 1, ends


def test_a_reader_that_is_stuck_holds_nobody_up(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    os.mkfifo(trace_of(workspace))
    reader = os.open(trace_of(workspace), os.O_RDONLY | os.O_NONBLOCK)
    script = 'for _ in range(100):\n    web.execute("echo " + "x" * 1500)'
    driver = spawn_driver(script, env=traced(workspace))
    assert driver.end() == 0
    os.close(reader)


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"NTD_TRACE": "/nowhere/trace"}, "cannot write the trace of $NTD_TRACE: '/nowhere/trace'"),
        ({"NTD_TRACE_LEVEL": "loud"}, "NTD_TRACE_LEVEL: 'loud' is neither a level"),
        ({"NTD_TRACE_LEVEL": "debug,oss=info"}, "NTD_TRACE_LEVEL: 'oss=info'"),
    ],
)
@pytest.mark.parametrize("arguments", [(), ("--repeat", "2")])
def test_variables_that_cannot_be_used_are_refused(
    run_driver: RunDriver, variables: dict[str, str], why: str, arguments: tuple[str, ...]
) -> None:
    result = run_driver('print("ran")', {}, env=variables, args=arguments)
    assert result.returncode == 2, str(result)
    result.must_say(f"nixos-test-driver: {why}")
    assert "ran" not in result.stdout
