"""Commands over the guest's vsock, with a shell for each command that runs at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import AT_ONCE, BIN_DIR, Result

RunDriver = Callable[..., Result]

FAKES = Path(__file__).resolve().parents[1] / "fakes"
ENV = {"PATH": f"{FAKES}:{os.environ['PATH']}", "NTD_BIN_DIR": str(BIN_DIR)}
OVER_VSOCK = 'assert web.succeed("echo $CHANNEL") == "vsock\\n"\n'
OVER_VIRTCONSOLE = 'assert web.succeed("echo ${CHANNEL-virtconsole}") == "virtconsole\\n"\n'

# Run f(*args) in the background; the result has join().
THREAD = """
import threading, time

def background(f, *args):
    def run():
        try:
            thread.result = f(*args)
        except Exception as error:
            thread.result = error
    thread = threading.Thread(target=run)
    thread.start()
    return thread
"""


@pytest.fixture
def run(run_driver: RunDriver) -> RunDriver:
    """Run a script with a guest that offers shells over vsock, or what ``vsock`` says."""

    def run(script: str, vsock: str = "shells", **options: object) -> Result:
        return run_driver(
            THREAD + script,
            **{
                "generation": "json",
                "settings": {"enable_ssh_backdoor": True},
                "env": {**ENV, "FAKE_VSOCK": vsock},
                **options,
            },
        )

    return run


# ------------------------------------------------------------------------------ which channel


def test_vsock_is_taken_where_it_is_offered(run: RunDriver) -> None:
    run(OVER_VSOCK).must_succeed()


def test_virtconsole_is_taken_without_a_word_where_not(run: RunDriver) -> None:
    result = run(OVER_VIRTCONSOLE, vsock="").must_succeed()
    result.must_not_say("virtconsole, not", "refused")
    assert result.seconds < AT_ONCE


def test_virtconsole_can_be_asked_for(run: RunDriver) -> None:
    run(OVER_VIRTCONSOLE, args=["--backdoor", "virtconsole"]).must_succeed()


def test_vsock_can_be_asked_for_without_the_ssh_backdoor(run: RunDriver) -> None:
    result = run(OVER_VSOCK, generation="flags", settings=None, args=["--backdoor", "vsock"])
    result.must_succeed().must_not_say("SSH backdoor")


def test_vsock_that_was_asked_for_has_to_be_offered(run: RunDriver) -> None:
    result = run('web.succeed("true")', vsock="", args=["--backdoor", "vsock"])
    result.must_fail("--backdoor vsock was asked for", "Connection refused")


def test_another_channel_is_refused(run: RunDriver) -> None:
    result = run("", args=["--backdoor", "telegraph"])
    assert result.returncode == 2, str(result)
    result.must_say("--backdoor 'telegraph'", "auto, virtconsole or vsock")


def test_guest_that_stops_listening_is_reached_over_the_virtconsole(run: RunDriver) -> None:
    script = OVER_VSOCK + """
os.rename(web.vsock_host, f"{web.vsock_host}.old")
refusing = __import__("socket").socket(1)
refusing.bind(str(web.vsock_host))  # and nobody listens
try:
    web.execute("kill -KILL $(ps -o ppid= $PPID) $PPID")
except Exception:
    pass
""" + OVER_VIRTCONSOLE
    run(script).must_succeed()


# ------------------------------------------------------------------------------ as ever


def test_commands_are_as_over_the_virtconsole(run: RunDriver) -> None:
    script = """
        assert web.execute("echo out; echo err >&2; exit 3") == (3, "out\\n")
        assert web.execute("false | true")[0] == 1
        assert web.execute("exit 7", check_return=False) == (-1, "")
        assert web.execute("touch later", check_output=False) == (-2, "")
        web.wait_for_file("later")
        assert web.execute("echo begun; sleep 1000", timeout=0.5) == (124, "begun\\n")
        assert web.succeed("(echo one; sleep 0.2; echo two) &") == "one\\ntwo\\n"
        assert web.succeed("printf 'a\\\\0b\\\\377c'") == "a\\0b\\ufffdc"
        assert len(web.succeed("head -c 10000000 /dev/zero")) == 10000000
        assert web.succeed("x=" + "y" * 300000 + "; echo ${#x}") == "300000\\n"
        web.copy_from_host_via_shell("/etc/passwd", "copied")
        assert web.succeed("cmp /etc/passwd copied && echo same") == "same\\n"
    """
    run("if True:\n" + script).must_succeed()


def test_commands_run_at_the_same_time(run: RunDriver) -> None:
    script = """
first = background(web.succeed, "until [ -e flag ]; do sleep 0.01; done; echo seen")
second = background(web.succeed, "until [ -e flag ]; do sleep 0.01; done; echo seen")
web.succeed("touch flag")
first.join(), second.join()
assert first.result == second.result == "seen\\n"
"""
    run(script).must_succeed()


def test_shells_are_used_again(run: RunDriver) -> None:
    script = """
shells = {web.succeed("ps -o ppid= $PPID") for _ in range(5)}
assert len(shells) == 1, shells
"""
    run(script).must_succeed()


# ------------------------------------------------------------------------------ ends


def test_killed_shell_is_an_error_and_the_next_command_has_a_new_one(run: RunDriver) -> None:
    script = """
begin = time.monotonic()
with t.assertRaises(Exception) as raised:
    web.succeed("kill -KILL $(ps -o ppid= $PPID) $PPID")
assert "the guest's root shell has ended while running the command" in str(raised.exception)
assert time.monotonic() - begin < 100
""" + OVER_VSOCK
    run(script).must_succeed()


def test_shell_that_is_killed_between_commands_costs_nothing(run: RunDriver) -> None:
    script = """
import contextlib, glob

def of_the_shell():
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            environment = file.read()
            if b"CHANNEL=vsock" in environment and str(web.state_dir).encode() in environment:
                found.append(int(path.split("/")[2]))
    return found

web.succeed("true")
assert of_the_shell()
while pids := of_the_shell():
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
""" + OVER_VSOCK
    run(script).must_succeed()


def test_command_that_ends_its_worker_is_an_error(run: RunDriver) -> None:
    script = """
with t.assertRaises(Exception) as raised:
    web.succeed("kill -KILL $PPID; sleep 100")
assert "ended the shell that ran it" in str(raised.exception)
""" + OVER_VSOCK
    run(script).must_succeed()


def test_reset_ends_commands_and_the_next_has_a_new_shell(run: RunDriver) -> None:
    script = """
web.start(allow_reboot=True)
running = [background(web.succeed, "touch up; sleep 100"), background(web.succeed, "sleep 100")]
web.wait_for_file("up")
web.send_monitor_command("system_reset")
for thread in running:
    thread.join()
    assert "the guest was reset while running" in str(thread.result), thread.result
""" + OVER_VSOCK
    run(script).must_succeed()


def test_machine_that_dies_ends_all_commands(run: RunDriver) -> None:
    script = """
running = [background(web.succeed, "touch up; sleep 100"), background(web.succeed, "sleep 100")]
web.wait_for_file("up")
os.kill(web.pid, 9)
for thread in running:
    thread.join()
    assert isinstance(thread.result, BrokenPipeError), thread.result
    assert "was killed by signal 9" in str(thread.result), thread.result
"""
    result = run(script).must_succeed()
    assert result.seconds < 3 * AT_ONCE


def test_end_of_the_vsocks_is_the_reason(run: RunDriver) -> None:
    script = """
running = background(web.succeed, "touch up; sleep 100")
web.wait_for_file("up")
os.killpg(driver.vhost_vsock.pid, 9)
running.join()
assert "vhost-device-vsock" in str(running.result), running.result
assert "was killed by signal 9" in str(running.result), running.result
with t.assertRaises(Exception) as raised:
    web.succeed("true")
assert "vhost-device-vsock" in str(raised.exception), raised.exception
print("all as expected")
"""
    result = run(script).must_succeed()
    assert "all as expected" in result.stdout, str(result)
    result.must_say("no `sync` after the test: vhost-device-vsock")
