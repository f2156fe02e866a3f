"""What is kept of a test that failed, so that its author sees why."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from harness import AT_ONCE, Result, Workspace

RunDriver = Callable[..., Result]
KEEP = {"NTD_EVIDENCE": "failure"}
LIMIT = 10  # seconds for collecting it


def events_of(directory: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]


def test_failed_test_leaves_a_report(run_driver: RunDriver, workspace: Workspace) -> None:
    result = run_driver('web.succeed("echo <b>; echo two; false")', env=KEEP).must_fail()
    kept = workspace.out / "failure"
    assert f"What the machines and the log show: {kept}/report.html" in result.verdict
    report = (kept / "report.html").read_text()
    assert "RequestedAssertionFailed" in report and "&lt;b&gt;" in report and "<b>;" not in report
    assert (kept / "log.txt").read_text().endswith(result.stderr.splitlines()[-1] + "\n")
    assert ElementTree.parse(kept / "junit.xml").find(".//failure") is not None
    assert "web.succeed" in (kept / "script.py").read_text()
    machine = kept / "machines" / "web"
    assert "Reached target" in (machine / "console.txt").read_text()
    assert (machine / "screen.png").read_bytes().startswith(b"\x89PNG")
    assert (machine / "processes.txt").stat().st_size > 0


def test_record_has_commands_with_lines(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver('web.start()\nweb.succeed("echo out; exit 3")', env=KEEP).must_fail()
    events = events_of(workspace.out / "failure")
    (command,) = [e for e in events if e["kind"] == "command" and e["text"] == "echo out; exit 3"]
    assert (command["line"], command["status"], command["output"]) == (2, 3, "out")
    assert [e["what"] for e in events if e["kind"] == "life"] == ["started", "up", "ended"]


def test_test_that_passed_leaves_nothing(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver('web.succeed("true")', env=KEEP).must_succeed()
    assert list(workspace.out.iterdir()) == []


def test_always_and_never(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver('web.succeed("true")', args=["--evidence", "always"]).must_succeed()
    assert "Passed" in (workspace.out / "failure" / "report.html").read_text()
    run_driver("1 / 0", args=["--evidence=never", "--evidence-dir=kept"]).must_fail()
    assert not (workspace.out / "kept").exists()


def test_hung_guest_costs_ten_seconds_at_most(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
        import os, signal
        web.succeed("true")
        os.kill(web.pid, signal.SIGSTOP)
        raise ValueError("my reason")
    """
    result = run_driver(script, env=KEEP).must_fail("missing in the evidence: machine 'web': screen (")
    result.must_blame("ValueError: my reason")
    assert result.seconds < LIMIT + AT_ONCE
    assert (workspace.out / "failure" / "machines" / "web" / "console.txt").stat().st_size > 0


def test_dead_machine(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
        import os, signal
        web.succeed("true")
        os.kill(web.pid, signal.SIGKILL)
        web.succeed("true")
    """
    result = run_driver(script, env=KEEP).must_fail()
    missing = "missing in the evidence: machine 'web': what only its guest knows (its process (pid "
    assert result.stderr.count("missing in the evidence") == 1, result
    assert result.stderr.index(missing) < result.stderr.index("!!! Traceback")
    assert "its process (pid " in result.verdict and "was killed by signal 9" in result.verdict
    assert "Reached target" in (workspace.out / "failure/machines/web/console.txt").read_text()


def test_directory_with_other_files_is_left_alone(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    other = workspace.out / "failure" / "thesis.txt"
    other.parent.mkdir()
    other.write_text("years of work")
    run_driver("1 / 0", env=KEEP).must_fail("has other files in it", "ZeroDivisionError")
    assert [path.name for path in other.parent.iterdir()] == ["thesis.txt"]


def test_evidence_of_an_earlier_run_is_replaced(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    run_driver("1 / 0", env=KEEP).must_fail()
    (workspace.out / "failure" / "machines" / "old").mkdir()
    run_driver("1 / 0", env=KEEP).must_fail()
    assert not (workspace.out / "failure" / "machines" / "old").exists()


def test_link_in_its_place_is_not_followed(run_driver: RunDriver, workspace: Workspace) -> None:
    target = workspace.root / "elsewhere"
    target.mkdir()
    (workspace.out / "failure").symlink_to(target)
    run_driver("1 / 0", env=KEEP).must_fail()
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("place", ["/dev/null/kept", "/proc/kept"])
def test_place_that_takes_nothing(run_driver: RunDriver, place: str) -> None:
    result = run_driver("1 / 0", args=["--evidence-dir", place], env=KEEP)
    result.must_fail("missing in the evidence: ").must_blame("ZeroDivisionError")


def test_runs_of_repeat_have_their_own(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver("1 / 0", args=["--repeat", "2"], env=KEEP).must_fail()
    assert sorted(path.name for path in workspace.out.iterdir()) == [
        "failure-run-1",
        "failure-run-2",
    ]


def test_global_timeout_leaves_a_report(run_driver: RunDriver, workspace: Workspace) -> None:
    script = 'web.start()\nweb.succeed("sleep 1000")'
    result = run_driver(script, global_timeout=3, env=KEEP)
    assert result.returncode == -signal.SIGTERM, str(result)
    assert "timeout reached" in (workspace.out / "failure" / "report.html").read_text()
    assert "line 2: web: must succeed: sleep 1000" in result.verdict
    assert "the main thread is at line 2 of the script" in result.verdict
    assert "`sleep 1000` has been running for " in result.verdict
