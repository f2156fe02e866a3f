"""machine.shell_interact() on a real guest, with a real terminal on our side."""

from __future__ import annotations

import fcntl
import struct
import sys
import termios
from pathlib import Path

import guest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from harness import Conversation, Workspace  # noqa: E402

CTRL_C, CTRL_RIGHT_BRACKET = "\x03", "\x1d"

SCRIPT = """
machine.wait_for_unit("multi-user.target")
machine.shell_interact()
print("first time over:", machine.succeed("cat /tmp/made").strip())
machine.shell_interact()
print("second time over:", machine.succeed("ls /sys/class/virtio-ports | wc -l").strip())
machine.shell_interact()
print("third time over")
"""


def resize(driver: Conversation, rows: int, columns: int) -> None:
    fcntl.ioctl(driver.input, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))


def test_a_shell_for_a_person() -> None:
    with Workspace() as workspace:
        be_a_person(workspace)
        workspace.check_nothing_is_left()


def be_a_person(workspace: Workspace) -> None:
    (script,) = guest.start_scripts(workspace.scripts, "machine:-")
    command = workspace.command(SCRIPT, scripts={"machine": script})
    driver = workspace.spawn_on_terminal(command)
    patience = guest.PATIENCE
    driver.expect(r"a root shell on /dev/hvc1; Ctrl-\] returns", patience)

    # A terminal of its own, of the size of ours, with job control; Ctrl-C is the guest's.
    resize(driver, 33, 77)
    driver.type("sleep 1; stty size; tty\r")
    driver.expect("33 77", patience)
    driver.expect("/dev/hvc1", patience)
    driver.type("echo run''ning; sleep 1000\r")
    driver.expect("running", patience)
    driver.type(CTRL_C + "echo made > /tmp/made; exit\r")
    driver.expect("first time over: made", patience)

    # A program that takes the whole screen; the escape key leaves, and hangs up on it.
    driver.expect("a root shell on", patience)
    driver.type("top -d 1\r")
    driver.expect("load average", patience)
    driver.type(CTRL_RIGHT_BRACKET)
    driver.expect("second time over: 2", patience)

    driver.expect("a root shell on", patience)
    driver.type("exit\r")
    driver.expect("third time over", patience)
    assert driver.end(patience) == 0
