"""Waits for units: the error for a unit that will not become active."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import AT_ONCE, Result, Workspace

RunDriver = Callable[..., Result]

PRELUDE = """
def unit(name, *lines):
    (web.state_dir / "guest" / "units" / name).write_text("".join(f"{line}\\n" for line in lines))
web.connect()
"""


def guest_program(workspace: Workspace, name: str, script: str) -> str:
    """Options for a guest in which ``script`` replaces the program ``name``."""
    directory = workspace.root / "tools"
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"--guest-path={directory}"


def must_fail_at_once(run_driver: RunDriver, script: str, options: str = "") -> Result:
    result = run_driver(PRELUDE + script, {"web": options}).must_fail()
    assert result.seconds < AT_ONCE
    return result


INACTIVE = 'unit "x.service" is inactive and there are no pending jobs: '
FAILED = 'unit "x.service" reached state "failed": '

REASONS = {
    INACTIVE + "it is masked": ["LoadState=masked"],
    INACTIVE + "its file cannot be used (Bad message)": ["LoadState=error", "LoadError=Bad message"],
    INACTIVE + "its condition was not met": [
        "ConditionResult=no",
        "ConditionTimestampMonotonic=5",
    ],
    INACTIVE + "what its file asserts does not hold": [
        "ConditionResult=yes",
        "AssertResult=no",
        "AssertTimestampMonotonic=5",
    ],
    INACTIVE + "it has run and ended well (a oneshot without RemainAfterExit)": [
        "Type=oneshot",
        "RemainAfterExit=no",
        "Result=success",
        "InactiveEnterTimestampMonotonic=5",
    ],
    INACTIVE + "nothing has started it, and it is not enabled": ["UnitFileState=disabled"],
    INACTIVE + "nothing has started it": ["UnitFileState=enabled"],
    FAILED + 'its result is "exit-code": its main process exited with status 3': [
        "ActiveState=failed",
        "Result=exit-code",
        "ExecMainCode=1",
        "ExecMainStatus=3",
    ],
    FAILED + 'its result is "oom-kill": its main process was killed by signal 9': [
        "ActiveState=failed",
        "Result=oom-kill",
        "ExecMainCode=2",
        "ExecMainStatus=9",
    ],
    FAILED + 'its result is "start-limit-hit"': ["ActiveState=failed", "Result=start-limit-hit"],
}


@pytest.mark.parametrize("reason", REASONS)
def test_reason_is_said(run_driver: RunDriver, workspace: Workspace, reason: str) -> None:
    silent = guest_program(workspace, "journalctl", "exit 1")
    script = f'unit("x.service", *{REASONS[reason]})\nweb.wait_for_unit("x")'
    result = must_fail_at_once(run_driver, script.replace('"x")', '"x.service")'), silent)
    assert result.failure.endswith(reason), result


def test_journal_of_a_failed_unit_is_shown(run_driver: RunDriver, workspace: Workspace) -> None:
    answer = "case $* in *--lines=30*--unit=x.service*) echo one; echo two;; esac"
    script = 'unit("x.service", "ActiveState=failed", "Result=protocol")\nweb.wait_for_unit("x")'
    options = guest_program(workspace, "journalctl", answer)
    result = must_fail_at_once(run_driver, script.replace('"x")', '"x.service")'), options)
    assert result.failure.endswith('its result is "protocol"\nthe end of its journal:\n  one\n  two')


def test_nearest_name_is_said(run_driver: RunDriver) -> None:
    script = 'unit("nginx.service")\nweb.wait_for_unit("ngnix.service")'
    must_fail_at_once(run_driver, script).must_blame(
        'unit "ngnix.service" is inactive and there are no pending jobs: there is no such unit; '
        'the nearest name is "nginx.service"'
    )


def test_unit_that_is_like_none(run_driver: RunDriver) -> None:
    result = must_fail_at_once(run_driver, 'web.wait_for_unit("completely-different")')
    assert result.failure.endswith(": there is no such unit"), result


JOURNALS = {
    "x.service was skipped because of an unmet condition check (ConditionPathExists=/no).":
        "its condition was not met",
    "Dependency failed for x.service - Example.": "a unit that it needs has failed",
    "x.service: Deactivated successfully.": "it has run and ended well",
    "Stopped x.service - Example.": "it has been stopped",
}


@pytest.mark.parametrize("line", JOURNALS)
def test_what_systemd_forgets_is_in_the_journal(
    run_driver: RunDriver, workspace: Workspace, line: str
) -> None:
    answer = f"case $* in *UNIT=x.service*) echo '{line}';; esac"
    options = guest_program(workspace, "journalctl", answer)
    script = 'unit("x.service", "UnitFileState=static")\nweb.wait_for_unit("x")'
    result = must_fail_at_once(run_driver, script, options)
    reason = f"{JOURNALS[line]} ({line})"
    result.must_blame(f'unit "x" is inactive and there are no pending jobs: {reason}')


def test_question_for_the_reason_does_not_hide_the_failure(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    options = guest_program(workspace, "journalctl", "exec sleep 1000")
    script = """
unit("x.service")
import time
before = time.monotonic()
with t.assertRaisesRegex(Exception, 'unit "x.service" is inactive and there are no pending jobs'):
    web.wait_for_unit("x.service", timeout=1)
assert time.monotonic() - before < 8, "the limit is that of the question, too"  # it alone has 10 s
"""
    run_driver(PRELUDE + script, {"web": options}).must_succeed()


def test_wait_in_vain_says_in_which_state_the_unit_is(run_driver: RunDriver) -> None:
    script = 'unit("x.service", "ActiveState=activating")\nweb.wait_for_unit("x", timeout=1)'
    result = run_driver(PRELUDE + script).must_fail()
    result.must_blame("action timed out after 1", '(timeout=1): waiting for unit x; looked ')


# ------------------------------------------------------------------------------- a user's units


def test_manager_of_a_user_is_waited_for(run_driver: RunDriver, workspace: Workspace) -> None:
    options = guest_program(workspace, "id", "echo 1000")
    script = """
unit("user@1000.service", "ActiveState=inactive", "after-shows=3:active")
(web.state_dir / "guest" / "units-user" / "her.service").write_text("ActiveState=active\\n")
web.wait_for_unit("her.service", "alice")
"""
    run_driver(PRELUDE + script, {"web": options}).must_succeed()


def test_manager_that_does_not_come_is_said(run_driver: RunDriver, workspace: Workspace) -> None:
    options = guest_program(workspace, "id", "echo 1000")
    script = """
unit("user@1000.service", "ActiveState=inactive")
web.wait_for_unit("default.target", user="alice", timeout=2)
"""
    result = run_driver(PRELUDE + script, {"web": options}).must_fail()
    result.must_blame(
        "action timed out after 2",
        'user "alice" has no systemd manager: user@1000.service is inactive',
    )


def test_look_that_is_cut_does_not_lose_what_was_seen_before(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    asked = workspace.root / "asked"
    for_one_look = f"echo >>{asked}; [ $(wc -l <{asked}) -le 2 ] || exec sleep 1000; echo 1000"
    options = guest_program(workspace, "id", for_one_look)
    script = """
unit("user@1000.service", "ActiveState=inactive")
web.wait_for_unit("default.target", user="alice", timeout=2)
"""
    result = run_driver(PRELUDE + script, {"web": options}).must_fail()
    result.must_blame("action timed out after ", "user@1000.service is inactive")


def test_user_who_is_none_is_not_waited_for(run_driver: RunDriver, workspace: Workspace) -> None:
    options = guest_program(workspace, "id", "exit 1")
    script = """
unit("user@1000.service", "ActiveState=inactive")
web.wait_for_unit("default.target", user="nobody-here")
"""
    must_fail_at_once(run_driver, script, options).must_blame(
        'the property "ActiveState" of unit "default.target" of user "nobody-here" failed'
    )


def test_other_errors_of_a_manager_that_runs_end_the_wait(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    guest_program(workspace, "id", "echo 1000")
    options = guest_program(workspace, "su", "exit 4")
    script = 'unit("user@1000.service", "ActiveState=active")\nweb.wait_for_unit("x", "alice")'
    must_fail_at_once(run_driver, script, options).must_blame("failed with exit code 4")
