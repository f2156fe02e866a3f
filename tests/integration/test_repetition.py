"""--repeat, --until-fail and --watch: run the same test several times."""

from __future__ import annotations

import signal
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

# The nth run fails with the text of line n of the file `failures`.
FLAKY = """
    import pathlib
    root = pathlib.Path("{root}")
    with open(root / "runs", "a+") as runs:
        runs.write("run\\n")
        runs.seek(0)
        number = len(runs.readlines())
    status = {statuses}[number - 1]
    with subtest("part"):
        web.succeed("test ! -e left; touch left")
    if status:
        raise SystemExit(status)
"""


def flaky(workspace: Workspace, *statuses: int) -> str:
    return FLAKY.format(root=workspace.root, statuses=statuses)


def runs(workspace: Workspace) -> int:
    return len((workspace.root / "runs").read_text().splitlines())


def test_repeat_runs_it_all_again_and_sums_up(workspace: Workspace, run_driver: RunDriver) -> None:
    result = run_driver(flaky(workspace, 0, 3, 0, 4, 0), args=["--repeat", "5"])
    assert result.returncode == 3, str(result)
    assert result.stderr.count("web: QEMU running") == 5
    last = "3 of 5 runs passed; failed: run 2 (exit status 3), run 4 (exit status 4)"
    assert result.stderr.splitlines()[-1] == f"nixos-test-driver: {last}"


def test_until_fail_ends_with_the_first_failure(
    workspace: Workspace, run_driver: RunDriver
) -> None:
    result = run_driver(flaky(workspace, 0, 0, 1, 0), args=["--until-fail"])
    result.must_fail("nixos-test-driver: run 3", "2 of 3 runs passed; failed: run 3")
    assert runs(workspace) == 3


def test_until_fail_ends_with_the_last_repetition(
    workspace: Workspace, run_driver: RunDriver
) -> None:
    result = run_driver(flaky(workspace, 0, 0), args=["--until-fail", "--repeat=2"])
    result.must_succeed().must_say("run 2 of 2", "2 of 2 runs passed")


def test_reports_have_all_runs(workspace: Workspace, run_driver: RunDriver) -> None:
    log = workspace.out / "log.xml"
    run_driver(
        flaky(workspace, 0, 1, 0),
        args=["--repeat=3", "--junit-xml=report.xml"],
        env={"LOGFILE": str(log)},
    ).must_fail()
    suites = list(ElementTree.parse(workspace.out / "report.xml").getroot())
    assert [suite.get("name") for suite in suites] == [
        f"NixOS integration test, run {number}" for number in (1, 2, 3)
    ]
    assert [suite.get("failures") for suite in suites] == ["0", "1", "0"]
    heads = [head.text for head in ElementTree.parse(log).getroot().findall("nest/head")]
    assert heads.count("run the VM test script") == 3
    assert sorted(path.name for path in workspace.out.iterdir()) == ["log.xml", "report.xml"]


def test_log_is_whole_after_a_run_that_was_killed_while_it_wrote(
    workspace: Workspace, run_driver: RunDriver
) -> None:
    log = workspace.out / "log.xml"
    cut = "<?xml version='1.0'?><logfile><nest><head>cut</he"
    killed = f"""
    if number == 2:
        import os, signal
        pathlib.Path("{log}.run").write_text({cut!r})
        os.kill(os.getpid(), signal.SIGKILL)
    """
    result = run_driver(
        flaky(workspace, 0, 0, 0) + killed, args=["--repeat=3"], env={"LOGFILE": str(log)}
    )
    result.must_say("2 of 3 runs passed; failed: run 2 (killed by signal 9 (Killed))")
    heads = [head.text for head in ElementTree.parse(log).getroot().findall("nest/head")]
    assert heads.count("run the VM test script") == 2
    assert "cut" in heads


def test_run_over_its_time_limit_is_one_that_failed(
    workspace: Workspace, run_driver: RunDriver
) -> None:
    script = flaky(workspace, 0, 0) + "    if number == 1: web.succeed('sleep 1000')\n"
    result = run_driver(script, args=["--repeat=2", "--global-timeout=2"])
    assert result.returncode == -signal.SIGTERM, str(result)
    result.must_say("1 of 2 runs passed; failed: run 1 (killed by signal 15 (Terminated))")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_repetition(spawn_driver: SpawnDriver, number: signal.Signals) -> None:
    driver = spawn_driver("print('sleeping')\nweb.succeed('sleep 1000')", args=["--repeat=3"])
    driver.expect("must succeed: sleep 1000")
    driver.signal(number)
    driver.expect("0 of 1 runs passed")
    assert driver.end() == -number


def test_killed_repetition_leaves_nothing(workspace: Workspace, spawn_driver: SpawnDriver) -> None:
    driver = spawn_driver("web.succeed('sleep 1000')", args=["--until-fail"])
    driver.expect("must succeed: sleep 1000")
    driver.signal(signal.SIGKILL)
    assert driver.end() == -signal.SIGKILL  # the fixture checks that nothing is left


@pytest.mark.parametrize(
    "args, reason",
    [
        (["--repeat=0"], "must be a whole number above 0"),
        (["--repeat=2", "-I"], "'--repeat' cannot be given with '--interactive'"),
        (["--until-fail", "--watch"], "'--until-fail' cannot be given with '--watch'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run_driver: RunDriver, args: list[str], reason: str
) -> None:
    result = run_driver("", args=args)
    assert result.returncode == 2
    result.must_say(reason).must_not_say("starting vm")


def test_script_that_can_be_read_once_is_refused(workspace: Workspace) -> None:
    command = workspace.command("")
    command.argv[-1] = "/dev/stdin"
    command.argv.insert(1, "--repeat=2")
    result = workspace.run(command, stdin="pass\n")
    assert result.returncode == 2
    result.must_say("test script '/dev/stdin' cannot be read again")


# ------------------------------------------------------------------------------ --watch


def save(test: Path, text: str) -> None:
    new = test.with_suffix(".new")  # write and rename, as editors do
    new.write_text(text)
    new.rename(test)


def test_watch_runs_what_is_saved(workspace: Workspace, spawn_driver: SpawnDriver) -> None:
    test = workspace.scripts / "test.py"
    driver = spawn_driver("web.succeed('echo > /tmp/here; exit 3')", args=["--watch"])
    driver.expect("!!! RequestedAssertionFailed")
    driver.expect("waiting for .*test.py to be saved")
    save(test, "print('second run', web.pid, web.booted)\nlog.error('no more')\n")
    driver.expect(r"second run \d+ True")
    driver.expect("the test script ended with sys.exit.1.")
    driver.expect("waiting for")
    save(test, "import time\nprint('sleeping')\ntime.sleep(1000)\n")
    driver.expect("^sleeping")
    time.sleep(0.1)
    driver.signal(signal.SIGINT)
    driver.expect("!!! KeyboardInterrupt")
    driver.expect("waiting for")
    driver.signal(signal.SIGINT)
    assert driver.end() == -signal.SIGINT
    assert driver.seen.count(b"QEMU running") == 1
