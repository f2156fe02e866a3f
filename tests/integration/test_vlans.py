"""Switches that do not come up."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

from harness import AT_ONCE, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]


def assert_ended_before_the_script(result: Result) -> None:
    result.must_not_say("run the VM test script", "Traceback")
    assert result.seconds < AT_ONCE


def test_vde_switch_is_not_there(run_driver: RunDriver, workspace: Workspace) -> None:
    env = {"PATH": str(workspace.scripts)}
    result = run_driver("", vlans=[1], env=env).must_fail("vde_switch", "PATH")
    assert_ended_before_the_script(result)


def test_vde_switch_cannot_make_its_directory(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    workspace.write("vde_switch", '#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/bin\nshift 2\n'
                    'exec vde_switch --sock /proc/no/where.ctl "$@"\n', 0o755)
    env = {"PATH": f"{workspace.scripts}:{os.environ['PATH']}"}
    result = run_driver("", vlans=[1], env=env).must_fail("vlan 1", "vde_switch")
    assert re.search("exited with status [1-9]", result.stderr), str(result)
    assert "/proc/no" in result.stderr or "directory" in result.stderr.lower()
    assert_ended_before_the_script(result)


def test_vde_switch_ends_at_once(run_driver: RunDriver, workspace: Workspace) -> None:
    workspace.write("vde_switch", "#!/bin/sh\necho no more switches today >&2; exit 9\n", 0o755)
    env = {"PATH": f"{workspace.scripts}:{os.environ['PATH']}"}
    result = run_driver("", vlans=[5], env=env)
    result.must_fail("vlan 5", "exited with status 9", "no more switches today")
    assert_ended_before_the_script(result)


def test_left_over_directory_of_a_killed_switch_is_replaced(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    old = workspace.base / "vde1.ctl"
    old.mkdir()
    (old / "ctl").touch()
    run_driver("assert vlan1.nr == 1", vlans=[1]).must_succeed()


def test_one_switch_fails_and_the_other_is_ended(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    body = (
        "#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/bin\n"
        'case "$2" in *vde2*) exit 4;; esac\nexec vde_switch "$@"\n'
    )
    workspace.write("vde_switch", body, 0o755)
    env = {"PATH": f"{workspace.scripts}:{os.environ['PATH']}"}
    result = run_driver("", vlans=[1, 2], env=env)
    result.must_fail("running vlan", "vlan 2", "exited with status 4", "kill vlan")


def test_dead_switch_does_not_hinder_the_end(
    spawn_driver: SpawnDriver
) -> None:
    driver = spawn_driver('log.log("up")\nweb.succeed("true")\nvlan1.stop()', vlans=[1])
    pid = int(driver.expect(r"running vlan \(pid (\d+)")[1])
    os.kill(pid, signal.SIGTERM)
    assert driver.end() == 0
