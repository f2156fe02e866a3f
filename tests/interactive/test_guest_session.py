"""An interactive session with a real guest: one boot, for everything that needs a real machine."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from harness import Workspace
from recording import ANSWER, PROMPT, Recording
from terminal import Terminal

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "guest"))

import guest  # noqa: E402

SCRIPT = """\
with subtest("boots"):
    machine.wait_for_unit("multi-user.target")

with subtest("has what it needs"):
    machine.succeed("test -e /tmp/needed")
"""
RUNS = 3  # seconds until a started program is running in the guest
SERIAL = "^machine # "
# Lines of the boot; some of them may have scrolled off the screen.
BOOT = rf"{SERIAL}|^ {{4}}|^In \[1\]|additionally|run the|: boots|^machine: .*[vV]M|Guest|connect"
BOOT += "|its screen|unit multi|QEMU running"
SHELL = r"root@machine:/tmp#\Z"


def test_session(workspace: Workspace, terminal: Terminal) -> None:
    (script,) = guest.start_scripts(workspace.scripts, "machine:-")
    args = ["--interactive", "--vnc"]
    terminal.run(workspace.command(SCRIPT, scripts={"machine": script}, args=args))
    session = Recording("guest-session", terminal, workspace, guest.PATIENCE)
    session.step("The prompt", clear=False, leave_out="^ {4}(start_all,|help)")
    boot(session)
    calls(session)
    shell(session, terminal)
    console(session)
    ended = "^exit status 0$"
    session.step("Ctrl-D ends all", "C-d", until=ended, leave_out=f"{SERIAL}|kill|stderr")
    session.must_be_as_expected()


def boot(session: Recording) -> None:
    failed = r"RequestedAssertionFailed: (.|\n)*" + PROMPT
    title = "The script boots the machine, and fails"
    session.step(title, "test_script()", "Enter", until=failed, leave_out=BOOT)
    session.step("No lines of consoles from here on", "serial_stdout_off()", "Enter")
    session.step("What it needs", 'machine.succeed("touch /tmp/needed")', "Enter", until=ANSWER)
    again = 'test_script(from_subtest="has what it needs")'
    session.step("From the subtest that failed", again, "Enter")
    screen = 'machine.screenshot("screen"); (driver.out_dir / "screen.png").exists()'
    session.step("Its screen, with a VNC server", screen, "Enter", until=ANSWER)


def calls(session: Recording) -> None:
    running = "must succeed: sleep 1000"
    endless = 'machine.succeed("sleep 1000")'
    session.interrupt("a command", endless, until=running, pause=RUNS)
    look = 'machine.execute("pgrep -f [s]leep.1000 || echo ended")'
    session.step("It has ended in the guest", look, "Enter", until=ANSWER)
    wait = "machine.wait_for_open_port(4711)"
    session.interrupt("a wait", wait, until="waiting for TCP port")


def shell(session: Recording, terminal: Terminal) -> None:
    session.step("A root shell", "machine.shell_interact()", "Enter", until=SHELL)
    session.step("Its terminal", "tty; echo $-; stty size", "Enter", until=r"^\d+ \d+\n" + SHELL)
    endless = ("sleep 1000", "Enter")
    session.step("Ctrl-C is the guest's", *endless, until="sleep")
    time.sleep(RUNS)
    session.step("It ends the command", "C-c", clear=False, until=r"1000\n(\^C\n?)?" + SHELL)
    session.step("Jobs: Ctrl-Z stops one", *endless, until="sleep")
    time.sleep(RUNS)
    session.step("It is stopped", "C-z", clear=False, until=r"Stopped .*\n" + SHELL)
    killed = r"jobs\n(.*\n)*" + SHELL
    state = "Term|[Ss]topped"
    session.step("And ended", "kill %1; wait; jobs", "Enter", until=killed, leave_out=state)

    title, full = "A full-screen program", r"\Atop - .*load average(.|\n)*PID USER"
    session.step(title, "top -d 1", "Enter", until=full, leave_out=r"\d")
    terminal.resize(columns=88, rows=30)
    time.sleep(2)  # the driver checks its window's size once in a while
    session.step("q leaves it", "q", clear=False, until=SHELL, leave_out=".")
    session.step("The window's new size", "stty size", "Enter", until=r"^30 88\n" + SHELL)
    session.step("Something to find", "echo hello > /tmp/made", "Enter", until=f"made\n{SHELL}")
    session.step("Ctrl-] comes back", "C-]")
    session.step("The same guest", 'machine.succeed("cat /tmp/made")', "Enter", until=ANSWER)
    ports = 'machine.succeed("ls /sys/class/virtio-ports | wc -l")'
    session.step("Nothing is left of the console", ports, "Enter", until=ANSWER)
    session.step("A second shell", "machine.shell_interact()", "Enter", until=SHELL)
    session.step("Ctrl-D ends it, not the driver", "C-d", clear=False)


def console(session: Recording) -> None:
    keys = "machine.console_interact()"
    session.step("The serial console", keys, "Enter", until="returns to the driver")
    session.step("Ctrl-C is the guest's", "C-c", clear=False, until="returns to the driver")
    session.step("Ctrl-] comes back", "C-]", clear=False)
    alive = 'machine.succeed("echo alive")'
    session.step("QEMU lives", alive, "Enter", until=ANSWER)
