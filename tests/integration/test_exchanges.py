"""Exchanges with QEMU and the guest's shell: each ends, and the next one gets its own answer."""

from __future__ import annotations

import os
import signal
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import AT_ONCE, PATIENCE, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

# Functions for scripts that tell how an action fails, and after how many seconds.
TOOLS = """
import os, signal, threading, time

def failure_of(action, *types):
    begin = time.monotonic()
    try:
        action()
    except types or Exception as error:
        failure_of.seconds = time.monotonic() - begin
        return str(error)
    raise AssertionError("no error")

def in_step():
    assert web.execute("echo in step; exit 3") == (3, "in step\\n")

# The guest: its processes; the monitors answer.
def pause():
    web.send_monitor_command("stop")

def go_on():
    web.send_monitor_command("cont")

class Interrupted(Exception): ...

# Ends what the script is in, as Ctrl-C does.
def interrupt_after(seconds):
    def handler(*_):
        raise Interrupted
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
"""

# Shorten the time that a shell, or QEMU, may be silent.
IMPATIENT = {"NTD_SILENCE": "5"}

LATE = 2 * AT_ONCE  # only a wait for the wrong event takes so long


@pytest.fixture
def run(run_driver: RunDriver) -> RunDriver:
    """Run a script that can use TOOLS."""

    def run(script: str, **options: object) -> Result:
        return run_driver(TOOLS + textwrap.dedent(script), **options)

    return run


PORTS = pytest.mark.parametrize("machine", ["", "--no-port"], ids=["port", "no-port"])


# ------------------------------------------------------------------------------- a guest that is paused


@PORTS
def test_a_late_answer_is_not_the_next_ones(run: RunDriver, machine: str) -> None:
    script = """
        web.succeed("true")
        pause()
        assert "has not answered for" in failure_of(lambda: web.succeed("echo first"))
        go_on()
        assert web.succeed("echo second") == "second\\n"
        in_step()
    """
    result = run(script, machines={"web": machine}, env=IMPATIENT).must_succeed()
    result.must_say("waiting up to 5 seconds")


@PORTS
def test_a_command_that_was_given_up_is_ended_before_the_next(run: RunDriver, machine: str) -> None:
    script = """
        web.succeed("true")
        pause()
        assert web.execute("sleep 1; touch $HOME/late", timeout=0.5) == (124, "")
        go_on()
        assert web.succeed("echo second") == "second\\n"
        time.sleep(2)
        web.fail("test -e $HOME/late")
    """
    run(script, machines={"web": machine}).must_succeed()


@PORTS
def test_a_large_command_that_the_guest_does_not_read_has_a_limit(
    run: RunDriver, machine: str
) -> None:
    script = """
        web.succeed("true")
        pause()
        large = "touch $HOME/ran; : " + "x" * 3_000_000
        assert web.execute(large, timeout=0.5) == (124, "")
        go_on()
        in_step()
        web.fail("test -e $HOME/ran")
    """
    run(script, machines={"web": machine}).must_succeed()


def test_a_copy_that_the_guest_does_not_read_ends(run: RunDriver, workspace: Workspace) -> None:
    (workspace.base / "large").write_bytes(b"x" * 8_000_000)
    script = """
        web.succeed("true")
        pause()
        assert "has not answered for" in failure_of(
            lambda: web.copy_from_host(os.environ["TMPDIR"] + "/large", "/tmp/$HOME"))
        go_on()
        in_step()
    """
    run(script, env=IMPATIENT).must_succeed()


def test_ctrl_c_ends_a_command_of_a_paused_guest(run: RunDriver) -> None:
    script = """
        web.succeed("true")
        pause()
        interrupt_after(0.3)
        failure_of(lambda: web.succeed("echo first"), Interrupted)
        assert failure_of.seconds < %f, failure_of.seconds
        go_on()
        in_step()
    """
    run(script % AT_ONCE).must_succeed()


def test_ctrl_c_ends_the_driver_whatever_the_guest_does(
    spawn_driver: SpawnDriver,
) -> None:
    driver = spawn_driver('web.connect()\nweb.send_monitor_command("stop")\nweb.succeed("true")')
    driver.expect("must succeed")
    driver.signal(signal.SIGINT)
    assert driver.end(LATE) == -signal.SIGINT


# --------------------------------------------------------------------------------- commands that go on


@PORTS
def test_output_without_end_is_no_reason_to_stay(run: RunDriver, machine: str) -> None:
    script = """
        begin = time.monotonic()
        status, output = web.execute("yes", timeout=1)
        assert status == 124 and output.startswith("y\\ny\\n")
        assert time.monotonic() - begin < %f, time.monotonic() - begin
        in_step()
    """
    run(script % (1 + AT_ONCE), machines={"web": machine}).must_succeed()


def test_a_command_that_ignores_its_signal_is_killed(run: RunDriver) -> None:
    script = """
        web.execute("trap '' TERM; echo $$ >$HOME/pid; while :; do sleep 0.1; done", timeout=1)
        in_step()
        web.fail("kill -0 $(cat $HOME/pid)")
    """
    run(script).must_succeed()


def test_the_output_of_a_command_that_is_stopped_comes_to_its_end(run: RunDriver) -> None:
    script = """
        command = "echo begin; trap 'echo end; exit 3' TERM; while :; do sleep 0.02; done"
        status, output = web.execute(command, timeout=1)
        assert status == 124 and output in ("begin\\n", "begin\\nend\\n"), output
        in_step()
    """
    run(script).must_succeed()


# ------------------------------------------------------------------------------------ another shell


@PORTS
def test_a_new_shell_ends_the_running_command(run: RunDriver, machine: str) -> None:
    script = """
        web.succeed("true")
        failure = failure_of(lambda: web.succeed("systemctl restart backdoor.service; sleep 1000"))
        assert "root shell ended, and another one is there now" in failure, failure
        in_step()
    """
    run(script, machines={"web": machine}).must_succeed()


@PORTS
def test_the_next_command_meets_the_new_shell(run: RunDriver, machine: str) -> None:
    script = """
        web.succeed("true")
        web.execute("systemctl restart backdoor.service", check_output=False)
        web.wait_for_console_text("Deactivated successfully")
        time.sleep(0.5)
        assert web.succeed("echo after") == "after\\n"
        in_step()
    """
    run(script, machines={"web": machine}).must_succeed()


def test_a_shell_that_ended_is_no_reason_to_wait(run: RunDriver) -> None:
    script = """
        web.succeed("true")
        failure = failure_of(lambda: web.succeed("kill -9 $(ps -o ppid= $PPID); sleep 1000"))
        assert "it has closed its port" in failure, failure
    """
    run(script).must_succeed()


@PORTS
def test_a_reset_ends_what_the_guest_does_not_read(run: RunDriver, machine: str) -> None:
    script = """
        web.start(allow_reboot=True)
        web.succeed("true")
        pause()
        threading.Timer(3, lambda: web.qmp_client.send("system_reset")).start()
        failure = failure_of(lambda: web.succeed(": " + "x" * 3_000_000))
        assert "the guest was reset" in failure, failure
        web.qmp_client.send("cont")
        in_step()
    """
    run(script, machines={"web": machine}).must_succeed()


# -------------------------------------------------------------------------------- bad news on the console


@pytest.mark.parametrize(
    "line",
    [
        "Kernel panic - not syncing: Attempted to kill init!",
        "You are in emergency mode. After logging in, type",
        "Out of memory: Killed process 123 (bash) total-vm:1234kB",
    ],
)
def test_bad_news_end_a_wait_of_a_guest_that_is_silent(run: RunDriver, line: str) -> None:
    script = f"""
        web.succeed("true")
        pause()
        web.send_console({line!r} + "\\n")
        failure = failure_of(lambda: web.wait_until_succeeds("true"))
        assert "does not answer any more" in failure and {line!r} in failure, failure
    """
    run(script).must_succeed()


def test_bad_news_while_a_command_runs(run: RunDriver) -> None:
    script = """
        web.succeed("true")
        def panic():
            pause()
            web.send_console("Kernel panic - not syncing: hung task\\n")
        threading.Timer(1, panic).start()
        failure = failure_of(lambda: web.succeed("sleep 1000"))
        assert "Kernel panic - not syncing: hung task" in failure, failure
    """
    run(script).must_succeed()


def test_bad_news_of_a_guest_that_answers_are_none(run: RunDriver) -> None:
    script = """
        web.succeed("true")
        web.send_console("Kernel panic - not syncing: in a nested machine\\n")
        assert web.succeed("sleep 4; echo well") == "well\\n"
    """
    run(script).must_succeed()


# ------------------------------------------------------------------------------------------- monitors


def test_an_answer_of_the_monitor_is_its_own_commands(run: RunDriver) -> None:
    script = """
        web.start()
        web.send_monitor_command("info name")
        web.process.send_signal(signal.SIGSTOP)
        interrupt_after(0.3)
        failure_of(lambda: web.send_monitor_command("info version"), Interrupted)
        web.process.send_signal(signal.SIGCONT)
        assert "fake_vm" not in web.send_monitor_command("info status")
        assert "running" in web.send_monitor_command("info status")
    """
    run(script).must_succeed()


def test_a_monitor_that_does_not_answer_is_an_error(run: RunDriver) -> None:
    script = """
        web.start()
        web.process.send_signal(signal.SIGSTOP)
        assert "did not finish its answer to 'info name'" in failure_of(
            lambda: web.send_monitor_command("info name"), TimeoutError)
        web.process.send_signal(signal.SIGCONT)
        assert "running" in web.send_monitor_command("info status")
    """
    run(script, env=IMPATIENT).must_succeed()


def test_requests_of_several_threads_do_not_mix(run: RunDriver) -> None:
    script = """
        web.start()
        web.process.send_signal(signal.SIGSTOP) # so that what is sent fills the socket
        failures = []
        def ask(number):
            try:
                padding = "x" * 100_000
                web.qmp_client.send("human-monitor-command",
                                    {"command-line": "info name", "padding": padding})
            except Exception as error:
                failures.append(f"{number}: {type(error).__name__}")
        threads = [threading.Thread(target=ask, args=[number]) for number in range(20)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        web.process.send_signal(signal.SIGCONT)
        for thread in threads:
            thread.join()
        assert not failures, failures
    """
    run(script).must_succeed()


def test_shutdown_of_a_qemu_that_is_stopped_is_an_error(run: RunDriver) -> None:
    script = """
        web.succeed("true")
        web.process.send_signal(signal.SIGSTOP)
        failure = failure_of(lambda: web.shutdown())
        assert "has not answered" in failure and "has it been stopped?" in failure, failure
    """
    run(script, env=IMPATIENT).must_succeed()


def test_shutdown_of_a_guest_that_is_paused_is_an_error(run: RunDriver) -> None:
    script = """
        web.succeed("true")
        pause()
        failure = failure_of(lambda: web.shutdown())
        assert "the guest has been paused for" in failure, failure
    """
    run(script, env=IMPATIENT).must_succeed()


# ----------------------------------------------------------------------------------------------- keys


def test_control_characters_are_keys(run: RunDriver, workspace: Workspace) -> None:
    keys = workspace.root / "keys"
    script = """
        web.start()
        web.send_chars("a\\tb\\x1bc\\bd\\x7f")
        web.send_chars("\\u20ac\\x01e")
        assert "running" in web.send_monitor_command("info status")
    """
    result = run(script, machines={"web": f"--keys-file={keys}"}).must_succeed()
    assert keys.read_text().split() == "a tab b esc c backspace d delete e".split()
    warnings = [line for line in result.stderr.splitlines() if "QEMU has no key" in line]
    assert len(warnings) == 2, warnings


def test_a_monitor_command_has_no_control_characters(run: RunDriver) -> None:
    script = """
        web.start()
        failure_of(lambda: web.send_monitor_command("info name\\x1b"), ValueError)
        assert "running" in web.send_monitor_command("info status")
    """
    run(script).must_succeed()


# ------------------------------------------------------------------------------------- limits of waits


@pytest.fixture
def stuck(workspace: Workspace) -> Callable[[str], str]:
    """Options for a machine in which a program blocks while the file `stuck` exists."""

    def options(program: str) -> str:
        directory = workspace.root / "stuck"
        directory.mkdir()
        path = directory / program
        path.write_text(
            '#!/bin/sh\n[ ! -e "$FAKE_GUEST_DIR/stuck" ] || exec sleep 1000\n'
            f'PATH=${{PATH#*:}} exec {program} "$@"\n'
        )
        path.chmod(0o755)
        return f"--guest-path={directory}"

    return options


WAITS = {
    "systemctl": [
        'web.wait_for_unit("multi-user.target", timeout=1)',
        'web.wait_for_unit("x.service", "alice", timeout=1)',
    ],
    "xwininfo": ['web.wait_for_window("x", timeout=1)'],
    "journalctl": ["web.wait_for_x(timeout=1)"],
    "stty": ['web.wait_until_tty_matches("1", "login", timeout=1)'],
    "nc": ["web.wait_for_open_port(1, timeout=1)", "web.wait_for_closed_port(1, timeout=1)"],
    "sleep": [
        'web.wait_until_succeeds("sleep 999", timeout=1)',
        'web.wait_until_fails("sleep 999", timeout=1)',
        'retry(lambda _: web.succeed("sleep 999"), timeout=1)',
        'polling_condition(lambda: web.succeed("sleep 999")).wait(timeout=1)',
    ],
}


@pytest.mark.parametrize(
    ("program", "wait"), [(program, wait) for program, waits in WAITS.items() for wait in waits]
)
def test_a_wait_keeps_its_limit(
    run: RunDriver, stuck: Callable[[str], str], program: str, wait: str
) -> None:
    script = f"""
        web.succeed("touch $FAKE_GUEST_DIR/stuck")
        failure = failure_of(lambda: {wait})
        assert "action timed out after" in failure, failure
        assert failure_of.seconds < 1 + 1 + {AT_ONCE}, failure_of.seconds
        in_step()
    """
    run(script, machines={"web": stuck(program)}).must_succeed()


def test_a_guest_boots_in_its_own_time(run: RunDriver) -> None:
    script = 'web.wait_for_file("/tmp", timeout=1)'
    run(script, machines={"web": "--boot-delay=2500"}).must_succeed()


# --------------------------------------------------------------------------------- polling conditions


@pytest.mark.parametrize(
    "wait",
    [
        'web.wait_for_console_text("never", timeout=60)',
        "web.wait_for_qmp_event(lambda _: False, timeout=60)",
        "retry(lambda _: False, timeout=60)",
    ],
)
def test_a_wait_without_commands_checks_conditions(run: RunDriver, wait: str) -> None:
    script = f"""
        web.succeed("touch $HOME/alive")

        @polling_condition(seconds_interval=0.2)
        def alive():
            "the application runs"
            web.succeed("test -e $HOME/alive")

        with alive:
            web.execute("sleep 1; rm $HOME/alive", check_output=False)
            {wait}
    """
    result = run(script)
    result.must_fail().must_blame("Polling condition failed: the application runs")
    assert result.seconds < PATIENCE
