"""Runs that are ended from outside: Ctrl-C, signals, the global timeout, and a killed driver."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable

import pytest

from harness import AT_ONCE, CLEAN_UP, SLOWNESS, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

STUBBORN = "--fork-helper --ignore-term"

# What the script is doing: its text, options of its machine, and a log line that shows it.
BUSY = {
    "command": ('web.connect()\nweb.succeed("sleep 1000")', "", "must succeed: sleep 1000"),
    "wait": ('web.connect()\nweb.wait_until_succeeds("false")', "", "waiting for success: false"),
    "sleep": ('import time\nprint("busy")\ntime.sleep(1000)', "", "^busy"),
    "computing": ('print("busy")\nwhile True: pass', "", "^busy"),
    "boot": ("web.connect()", "--no-backdoor", "web: waiting for the VM to finish booting"),
    "start": ("web.start()", "--hang-at=monitor", "web: starting vm"),
    "start_all": ("start_all()", "--hang-at=shell", "web: starting vm"),
    "shutdown": (
        "web.connect()\nweb.shutdown()",
        "--no-vm-exit-on-poweroff",
        "waiting for the VM to power off",
    ),
    "thread": (
        "import threading\n"
        'thread = threading.Thread(target=web.succeed, args=("sleep 1000",))\n'
        "thread.start()\nthread.join()",
        "",
        "must succeed: sleep 1000",
    ),
    "thread_start": (
        "import threading\n"
        "thread = threading.Thread(target=web.start)\n"
        "thread.start()\nthread.join()",
        "--hang-at=monitor",
        "web: starting vm",
    ),
}


def spawn_busy(
    spawn_driver: SpawnDriver, what: str, more: str = "", **options: object
) -> Conversation:
    """Start a driver, and wait until it does BUSY[what], with two machines and a VLAN running."""
    script, machine_options, sign = BUSY[what]
    machines = {"web": f"{machine_options} {more}", "other": more}
    driver = spawn_driver(f"other.connect()\n{script}", machines, vlans=[1], **options)
    driver.expect(sign)
    # CPython does not handle a signal between its last check and a blocking system call.
    time.sleep(0.2 * SLOWNESS)
    return driver


def assert_ends(driver: Conversation, status: int, begin: float) -> None:
    assert driver.end(AT_ONCE) == status, driver.seen.decode()
    assert time.monotonic() - begin < AT_ONCE


@pytest.mark.parametrize("what", BUSY)
def test_sigint_ends_the_test(spawn_driver: SpawnDriver, what: str) -> None:
    driver = spawn_busy(spawn_driver, what)
    assert_ends(driver, -signal.SIGINT, driver.signal(signal.SIGINT))
    assert b"KeyboardInterrupt" in driver.seen
    assert b"cleanup\n" in driver.seen


@pytest.mark.parametrize("what", ["command", "sleep"])
def test_ctrl_c_on_a_terminal_ends_the_test(spawn_driver: SpawnDriver, what: str) -> None:
    driver = spawn_busy(spawn_driver, what, terminal=True)
    begin = time.monotonic()
    driver.type("\x03")
    assert_ends(driver, -signal.SIGINT, begin)


@pytest.mark.parametrize("what", BUSY)
def test_sigterm_ends_the_test(spawn_driver: SpawnDriver, what: str) -> None:
    driver = spawn_busy(spawn_driver, what)
    assert_ends(driver, -signal.SIGTERM, driver.signal(signal.SIGTERM))


@pytest.mark.parametrize("what", ["command", "computing"])
def test_sighup_ends_the_test(spawn_driver: SpawnDriver, what: str) -> None:
    driver = spawn_busy(spawn_driver, what)
    assert_ends(driver, -signal.SIGHUP, driver.signal(signal.SIGHUP))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_machine_that_ignores_sigterm_is_killed(
    spawn_driver: SpawnDriver, workspace: Workspace, number: int
) -> None:
    driver = spawn_busy(spawn_driver, "command", STUBBORN)
    driver.signal(number)
    assert driver.end() == -number
    workspace.wait_until_no_process()


# ------------------------------------------------------------------------------ death of the driver


def assert_all_die_with(driver: Conversation, workspace: Workspace) -> None:
    commands = " ".join(workspace.processes().values())
    assert "vde_switch" in commands and "bash" in commands and "vm" in commands, commands
    driver.signal(signal.SIGKILL)
    workspace.wait_until_no_process(CLEAN_UP)
    assert driver.end() == -signal.SIGKILL


@pytest.mark.parametrize("what", ["command", "computing", "start_all"])
def test_nothing_outlives_a_killed_driver(
    spawn_driver: SpawnDriver, workspace: Workspace, what: str
) -> None:
    assert_all_die_with(spawn_busy(spawn_driver, what), workspace)


def test_stubborn_machines_do_not_outlive_a_killed_driver(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    assert_all_die_with(spawn_busy(spawn_driver, "command", STUBBORN), workspace)


def test_background_command_does_not_outlive_a_killed_driver(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    script = """
        web.execute("setsid sleep 600", check_output=False)
        web.succeed("nohup sleep 601 >&2 &")
        log.log("busy")
        web.succeed("sleep 1000")
    """
    driver = spawn_driver(script, vlans=[1])
    driver.expect("^busy")
    assert_all_die_with(driver, workspace)


def test_short_link_does_not_outlive_a_killed_driver(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    deep = workspace.base / ("d" * 120)
    deep.mkdir()
    driver = spawn_busy(spawn_driver, "command", env={"TMPDIR": str(deep)})
    assert_all_die_with(driver, workspace)


# Calls for which the driver's own Python code runs a program.
RUNS_A_PROGRAM = {
    "tesseract": "web.start()\nweb.get_screen_text()",
    "ssh": "from test_driver.network import vsock\nvsock._ssh_knows_vsock_mux()",
    "socat": (
        "import socket\n"
        "from test_driver.machine import terminal\n"
        "ours, theirs = socket.socketpair()\n"
        'terminal._serve(ours, "UNIX-LISTEN:somewhere", terminal._End())'
    ),
}


@pytest.mark.parametrize("program", RUNS_A_PROGRAM)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_programs_of_the_driver_end_with_it(
    spawn_driver: SpawnDriver, workspace: Workspace, program: str, number: int
) -> None:
    body = '#!/bin/sh\ntrap "" TERM\necho busy >"$LOG"\nsleep 1000\n'
    workspace.write(program, body, 0o755)
    script = "import os\nos.environ['LOG'] = f'/proc/{os.getpid()}/fd/1'\n"
    path = f"{workspace.scripts}:{os.environ['PATH']}"
    driver = spawn_driver(script + RUNS_A_PROGRAM[program], env={"PATH": path})
    driver.expect("^busy")
    driver.signal(number)
    assert driver.end() == -number
    workspace.wait_until_no_process()


# --------------------------------------------------------------------------------- the global limit


@pytest.mark.parametrize("what", BUSY)
def test_global_time_limit(run_driver: RunDriver, what: str) -> None:
    script, options, _ = BUSY[what]
    result = run_driver(script, {"web": options}, [1], args=["--global-timeout", "1"])
    assert result.returncode == -signal.SIGTERM, str(result)
    result.must_say("Test will time out and terminate in 1 seconds")
    assert "timeout reached; test terminating" in result.failure
    assert 1 <= result.seconds < 1 + AT_ONCE


def test_global_time_limit_with_stubborn_machines(run_driver: RunDriver) -> None:
    args = ["--global-timeout", "1"]
    result = run_driver('web.succeed("sleep 1000")', {"web": STUBBORN}, args=args)
    assert result.returncode == -signal.SIGTERM, str(result)
    assert result.seconds < 1 + 2 + AT_ONCE


def test_global_time_limit_does_not_catch_a_test_that_is_done(run_driver: RunDriver) -> None:
    run_driver('web.succeed("true")', args=["--global-timeout", "60"]).must_succeed()


def test_script_cannot_catch_the_global_time_limit(run_driver: RunDriver) -> None:
    script = """
        while True:
            try:
                web.succeed("sleep 1000")
            except BaseException:
                pass
    """
    result = run_driver(script, args=["--global-timeout", "1"])
    assert result.returncode == -signal.SIGTERM, str(result)
    assert result.seconds < 1 + AT_ONCE


# --------------------------------------------------------------------------- scripts and interrupts


@pytest.mark.parametrize(
    "statement",
    [
        'web.succeed("echo begun >&2; sleep 1000")',
        'web.execute("echo begun >&2; sleep 1000 | sleep 1000")',
        'web.execute("echo begun >&2; trap : TERM; while true; do sleep 1000; done")',
        'web.wait_until_succeeds("echo begun >&2; false")',
    ],
)
def test_machine_is_usable_after_a_caught_interrupt(
    spawn_driver: SpawnDriver, statement: str
) -> None:
    script = f"""
        web.connect()
        try:
            {statement}
        except KeyboardInterrupt:
            log.log("caught")
        assert web.execute("echo in step; exit 4") == (4, "in step\\n")
        web.fail("pgrep -s 0 -x sleep | grep .")
    """
    driver = spawn_driver(script)
    driver.expect("web # begun")
    driver.signal(signal.SIGINT)
    driver.expect("^caught")
    assert driver.end() == 0, driver.seen.decode()


def test_sigint_reaches_scripts_own_handler(spawn_driver: SpawnDriver) -> None:
    script = """
        import signal
        signal.signal(signal.SIGINT, lambda *_: log.log("handled"))
        web.succeed("echo begun >&2; sleep 2; echo done >&2")
    """
    driver = spawn_driver(script)
    driver.expect("web # begun")
    driver.signal(signal.SIGINT)
    driver.expect("^handled", limit=AT_ONCE)
    driver.expect("web # done")
    assert driver.end() == 0


def test_sigusr1_does_not_end_a_script_that_handles_it(spawn_driver: SpawnDriver) -> None:
    script = """
        import signal
        signal.signal(signal.SIGUSR1, lambda *_: log.log("handled"))
        web.succeed("echo begun >&2; sleep 1")
    """
    driver = spawn_driver(script)
    driver.expect("web # begun")
    driver.signal(signal.SIGUSR1)
    driver.expect("^handled")
    assert driver.end() == 0


def test_second_sigint_during_clean_up_does_not_hang(spawn_driver: SpawnDriver) -> None:
    driver = spawn_busy(spawn_driver, "command", STUBBORN)
    driver.signal(signal.SIGINT)
    driver.expect("^cleanup")
    driver.signal(signal.SIGINT)
    assert driver.end() == -signal.SIGINT


def test_qemu_does_not_inherit_ignored_signals(run_driver: RunDriver) -> None:
    script = """
        web.start()
        status = open(f"/proc/{web.pid}/status").read()
        masks = dict(line.split(":", 1) for line in status.splitlines())
        assert int(masks["SigIgn"], 16) & ~(1 << 12) == 0, masks["SigIgn"]
    """
    run_driver(script).must_succeed()


def test_each_machine_is_a_process_group_of_its_own(spawn_driver: SpawnDriver) -> None:
    driver = spawn_busy(spawn_driver, "command")
    pids = re.findall(r"QEMU running \(pid (\d+)\)", driver.seen.decode())
    assert len(pids) == 2
    assert [os.getpgid(int(pid)) for pid in pids] == [int(pid) for pid in pids]
    driver.signal(signal.SIGTERM)
    assert driver.end() == -signal.SIGTERM


def test_signal_that_another_thread_gets_ends_any_call(run_driver: Callable[..., Result]) -> None:
    """Like a signal just before a call: Python has noted it, but it does not interrupt the call."""
    script = """
        import signal, threading, time

        def interrupt():
            time.sleep(0.3)
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        begin = time.monotonic()
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            assert time.monotonic() - begin < 100
        else:
            raise AssertionError("not interrupted")
    """
    run_driver(script).must_succeed()


def test_interrupt_between_greeting_and_connection(run_driver: RunDriver) -> None:
    # The driver has read the greeting, which is sent only once; the shell does not answer yet.
    run_driver(
        """
        import os, signal, threading
        from pathlib import Path

        web.start()
        children = Path(f"/proc/{web.pid}/task/{web.pid}/children")
        retry(lambda last: children.read_text())
        bash = int(children.read_text().split()[0])
        os.kill(bash, signal.SIGSTOP)
        with t.assertRaises(KeyboardInterrupt):
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            web.connect()
        os.kill(bash, signal.SIGCONT)
        assert web.succeed("echo text") == "text\\n"
        """
    ).must_succeed()
