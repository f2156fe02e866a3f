"""Spare bash processes, started ahead for commands: what a command notices, and what ends them."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Result

RunDriver = Callable[..., Result]

# Functions for scripts: they find the spare, the child of the worker that waits for a command.
SPARE = """
import signal

def children(pid):
    return [int(word) for word in open(f"/proc/{pid}/task/{pid}/children").read().split()]

def spare():
    return spare_of(int(web.succeed("echo $PPID")))

def spare_of(worker):
    while True:
        for pid in children(worker):
            if open(f"/proc/{pid}/comm").read() == "bash\\n" and os.path.exists(f"/proc/{pid}/fd/9"):
                return pid
"""


def check(run_driver: RunDriver, script: str, **options: object) -> Result:
    return run_driver(SPARE + textwrap.dedent(script), **options).must_succeed()


def guest_with(directory: Path, program: str, script: str) -> str:
    """Options for a fake machine in whose guest ``script`` replaces ``program``."""
    path = directory / program
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"--guest-path={directory}"


# Commands that must have the same output in the guest as with `bash -c` here.
COMMANDS = [
    "echo $- $0 $# $BASH_SUBSHELL",
    "echo $LINENO\necho $LINENO",
    "[ $$ = $BASHPID ] && [ -d /proc/$$ ] && echo own",
    'a=$(cat /proc/$$/stat); set -- $a; [ "$4" = $PPID ] && echo parent',
    'echo "$BASH_EXECUTION_STRING"',
    "[ $HOSTNAME = $(cat /proc/sys/kernel/hostname) ] && echo host",
    "echo ${PIPESTATUS[@]} ${FUNCNAME[@]-no} ${BASH_LINENO[@]-no} ${!-no}",
    "jobs; umask; pwd | wc -l; declare -F; alias; trap",
    "set -o; shopt",
    "ulimit -a",
    "hash; echo $_",
    "cat <<EOF\none $((1 + 1))\nEOF",
    "cat <<'EOF'\n$x\nEOF",
    "f() { false; echo not here; }; f; echo nor here",
    "f() { false; echo here; }; f || true",
    "if false; then :; elif true; then echo else; fi",
    "false || false; echo no",
    "false | true; echo no",
    "a=$(false); echo no",
    "! true; echo on",
    "echo $unset; echo no",
    "echo before; exit 7; echo no",
    "(exit 3)",
    "return 3",
    "trap 'echo bye' EXIT; false",
    "trap 'echo bye; exit 5' EXIT; exit 3",
    "trap 'echo err' ERR; false",
    "trap 'echo got' USR1; kill -USR1 $$; echo on",
    "kill -TERM $$",
    "kill -KILL $$",
    "sh -c 'kill -KILL $$'",
    "if then",
    "echo before; if then",
    "echo before\nif then",
    "echo 'no end",
    "echo $(",
    "no-such-command",
    "exec no-such-command",
    "exec echo other",
    "exec 4>&1 9>&1; echo four >&4; echo nine >&9",
    "sleep 0.05 & wait $!; echo $?; wait",
    "set +euo pipefail; false; echo $unset on",
    "shopt -s extglob nullglob\necho /@(x|y)",
    "source /no/such/file",
    "echo $((1 / 0)); echo no",
    "cd /no/such; echo no",
    "readonly a=1; a=2; echo no",
    "printf '%s\\n' {a..c} \"a  b\" $'tab\\there'",
    "coproc cat; echo ${#COPROC[@]}; kill $COPROC_PID",
    "ulimit -S -n 64; ulimit -n",
    "echo 'ends with lines'\n\n\n",
]


def test_command_is_as_with_bash_c(run_driver: RunDriver) -> None:
    expected = [
        subprocess.run(
            ["bash", "-c", f"set -euo pipefail; {command}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for command in COMMANDS
    ]
    rows = [
        (command, run.returncode if run.returncode >= 0 else 128 - run.returncode, run.stdout)
        for command, run in zip(COMMANDS, expected)
    ]
    check(
        run_driver,
        f"""
        wrong = []
        for text, status, output in {rows!r}:
            if (found := web.execute(text)) != (status, output):
                wrong.append((text, status, output, found))
        assert not wrong, wrong
        """,
    )


@pytest.mark.parametrize("options", ["", "--no-port"])
def test_command_has_a_bash_that_was_there_before(run_driver: RunDriver, options: str) -> None:
    check(
        run_driver,
        """
        for _ in range(5):
            waiting = spare()
            assert int(web.succeed("echo $$")) == waiting
        """,
        machines={"web": options},
    )


def test_seconds_count_from_the_command_on(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        import time
        spare()
        time.sleep(3)
        assert int(web.succeed("echo $SECONDS")) < 2
        """,
    )


def test_spare_that_was_killed_has_not_lost_the_command(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        for number in range(20):
            os.kill(spare(), signal.SIGKILL)
            web.succeed(f"echo {number} >> done")
        assert web.succeed("cat done").split() == [str(number) for number in range(20)]
        """,
    )


def test_spare_that_dies_while_it_is_given_the_command_has_not_begun_it(
    run_driver: RunDriver,
) -> None:
    check(
        run_driver,
        """
        import threading
        for number in range(3):
            waiting = spare()
            os.kill(waiting, signal.SIGSTOP)
            threading.Timer(0.3, os.kill, (waiting, signal.SIGKILL)).start()
            assert web.succeed(f"echo {number} >> done; echo $$") != f"{waiting}\\n"
            assert web.succeed("echo mine") == "mine\\n"
        assert web.succeed("cat done") == "0\\n1\\n2\\n"
        """,
    )


def test_spare_that_is_stopped_keeps_no_limit(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        os.kill(spare(), signal.SIGSTOP)
        assert web.execute("echo hello", timeout=1) == (124, "")
        assert web.succeed("echo hello") == "hello\\n"
        """,
    )


def test_command_given_up_leaves_no_spare(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        before = spare()
        assert web.execute("sleep 100", timeout=1)[0] == 124
        assert web.succeed("echo on") == "on\\n"
        assert spare() != before and not os.path.exists(f"/proc/{before}")
        """,
    )


def test_worker_that_is_killed_takes_its_spare_along(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        worker = int(web.succeed("echo $PPID"))
        waiting = spare_of(worker)
        os.kill(worker, signal.SIGKILL)
        while os.path.exists(f"/proc/{worker}") or os.path.exists(f"/proc/{waiting}"):
            pass
        assert web.succeed("echo on") == "on\\n"
        """,
    )


def test_variables_of_the_guest_stay_as_they_are(run_driver: RunDriver, tmp_path: Path) -> None:
    names = "P", "p", "q", "r", "s", "n"
    lines = "".join(f": ${{{name}=its-{name}}}; export {name}\n" for name in names)  # once
    options = guest_with(tmp_path, "bash", f'{lines}exec /bin/bash "$@"')
    check(
        run_driver,
        f"""
        for name in {names!r} * 2:
            assert web.succeed(f"echo ${{name}}") == f"its-{{name}}\\n"
        """,
        machines={"web": options},
    )


def test_no_spare_where_each_new_bash_reads_a_file(run_driver: RunDriver, tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    settings.write_text("setting=first\n")
    options = guest_with(tmp_path, "bash", f'BASH_ENV={settings} exec /bin/bash "$@"')
    check(
        run_driver,
        f"""
        assert web.succeed("echo $setting") == "first\\n"
        open({str(settings)!r}, "w").write("setting=second\\n")
        assert web.succeed("echo $setting") == "second\\n"
        """,
        machines={"web": options},
    )


def test_command_ignores_no_signal(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        for _ in range(3):
            own, of_worker = web.succeed("grep -h SigIgn /proc/{$$,$PPID}/status").splitlines()
            assert own == of_worker
            assert web.execute("kill -INT $$")[0] == 130
            assert web.execute("sleep 100", timeout=0.1)[0] == 124
        """,
    )


def test_command_may_end_within_a_character(run_driver: RunDriver) -> None:
    check(
        run_driver,
        r"""
        for end in ("\udcc3", "\udce2\udc82", "\udcf0"):
            assert web.execute("echo a" + end, timeout=60)[0] == 0
            assert web.execute("exit 3 # " + end, timeout=60)[0] == 3
        """,
    )


def test_look_that_was_given_up_is_over_when_it_has_ended(
    run_driver: RunDriver, tmp_path: Path
) -> None:
    options = guest_with(tmp_path, "nc", "exec sleep 100")
    check(
        run_driver,
        """
        import time

        def time_of_the_next():
            begin = time.monotonic()
            web.succeed("echo on")
            return time.monotonic() - begin

        web.execute("sleep 100", timeout=1)
        after_command = time_of_the_next()
        with t.assertRaisesRegex(Exception, "timed out"):
            web.wait_for_open_port(1, timeout=1)
        after_look = time_of_the_next()
        assert after_look < after_command + 1, (after_look, after_command)
        """,
        machines={"web": options},
    )


def test_thousand_commands_in_a_row(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        for number in range(1000):
            assert web.execute(f"echo {number}; exit {number % 100}") == (number % 100, f"{number}\\n")
        assert len(children(int(web.succeed("echo $PPID")))) <= 2
        """,
    )


def test_descriptor_of_the_spare_is_nobody_elses(run_driver: RunDriver) -> None:
    # Commands, polls, copies, and commands without a result.
    check(
        run_driver,
        """
        count = "ls /proc/self/fd | tr '\\\\n' ' '"
        assert web.succeed(count) == "0 1 2 3 ", web.succeed(count)
        web.execute(f"{count} > detached; touch there", check_output=False)
        web.wait_for_file("there")
        assert web.succeed("cat detached") == "0 1 2 3 "
        """,
    )
