"""What scripts see of the engine's methods of machines: signatures, types, documentation.

Made from src/bindings by tests/types/declarations.py; not to be changed by hand. Type checkers read
it, and help(); a run without mistakes does not.
"""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

from test_driver.duration import DEFAULT_LIMIT, KEY_DELAY

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from pathlib import Path

    from test_driver._engine import engine
    from test_driver.duration import Duration
else:

    class engine:
        """Only for checkers machines have what the package alone uses."""

        BaseMachine = QemuMachine = NspawnMachine = object


class BaseMachine(engine.BaseMachine):
    def start(self, allow_reboot: bool = False) -> None:
        """Start the machine; return when it runs, without waiting for it to boot.

        Does nothing if it runs. With ``allow_reboot`` it may restart itself.
        """

    def shutdown(self) -> None:
        """Power the machine off and wait for its end. Nothing if it is off."""

    def wait_for_shutdown(self) -> None:
        """Wait until the machine has powered off."""

    def connect(self) -> None:
        """Wait for the root shell; starts the machine if it is off. Done already, it does nothing.

        Raises MachineError at once if the machine ends or its boot comes to a dead end (kernel
        panic, emergency mode), and after five minutes without any output on the console; with
        --config it has no more than these five minutes anyway.
        """

    def is_up(self) -> bool:
        """Whether the machine runs and its root shell is connected."""

    def release(self) -> None:
        """Kill what still runs of the machine. The driver calls it at the end."""

    def cleanup_statedir(self) -> None:
        """Remove the state directory with all that is in it."""

    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: Duration | None = DEFAULT_LIMIT,
    ) -> tuple[int, str]:
        """Run a shell command as root; return its exit status and standard output.

        The command runs in bash with ``set -euo pipefail``: the first part that fails ends it, a
        pipeline has the status of its last failing part, unset variables are errors. It is over
        when it has ended and nobody holds its standard output open any more. Standard error goes
        to the console.

        ``check_return=False`` gives the status -1, also if the machine ends or restarts under the
        command, with the output so far; ``check_output=False`` does not wait at all and gives
        ``(-2, "")``: both are for commands that end the machine. After ``timeout`` (seconds or
        timedelta, None for no limit) the command is ended and the status is 124. Undecodable bytes
        of the output are replaced. A command with more output than ``--max-output`` (2 GiB) is
        ended, and MachineError raised: what is big goes into a file, and ``copy_from_machine()``.
        """

    def succeed(self, *commands: str, timeout: Duration | None = None) -> str:
        """Run commands one after the other; return their joined output.

        Raises RequestedAssertionFailed at the first one whose exit status is not zero, and logs
        its output. ``timeout`` (seconds or timedelta) limits each command.
        """

    def fail(self, *commands: str, timeout: Duration | None = None) -> str:
        """Like succeed(), but each command has to end with an exit status other than zero."""

    def wait_until_succeeds(
        self,
        command: str,
        timeout: Duration | None = DEFAULT_LIMIT,
        *,
        attempt_timeout: Duration | None = None,
    ) -> str:
        """Repeat a command until its exit status is zero; return the last output.

        A try that takes longer than ``attempt_timeout`` is ended, and the command tried again.
        Raises RequestedAssertionFailed ("action timed out") after ``timeout``.
        """

    def wait_until_fails(self, command: str, timeout: Duration | None = DEFAULT_LIMIT) -> str:
        """Repeat a command until its exit status is not zero; return the last output.

        Raises RequestedAssertionFailed ("action timed out") after ``timeout``.
        """

    def systemctl(self, q: str, user: str | None = None) -> tuple[int, str]:
        """Run ``systemctl q``; return its exit status and output.

        With ``user`` it is ``systemctl --user`` of that user, who has to be logged in or
        lingering.
        """

    def start_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        """``systemctl start`` a unit; return exit status and output, unchecked."""

    def stop_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        """``systemctl stop`` a unit; return exit status and output, unchecked."""

    def get_unit_info(self, unit: str, user: str | None = None) -> dict[str, str]:
        """All properties of a unit, as ``systemctl show`` has them."""

    def get_unit_property(self, unit: str, property: str, user: str | None = None) -> str:
        """One property of a unit, e.g. ``ActiveState``."""

    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        """Raise RequestedAssertionFailed unless the unit is in that state now."""

    def wait_for_unit(
        self, unit: str, user: str | None = None, timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until a systemd unit is active.

        Raises RequestedAssertionFailed at once if the unit has failed, or is inactive with no
        job pending that could start it, and after ``timeout``. The message says why: there is
        no such unit (but one of a similar name), its condition was not met, how its process
        ended. With ``user`` it waits for the user's manager as well, which runs from the first
        login on.
        """

    def wait_for_unit_active_state(
        self,
        unit: str,
        state: str,
        timeout: Duration | None = DEFAULT_LIMIT,
        *,
        user: str | None = None,
    ) -> None:
        """Wait until a systemd unit is in this state, such as ``inactive`` or ``reloading``.

        No state is an error on the way: wait_for_unit() ends at once for a unit that has
        failed. Raises RequestedAssertionFailed after ``timeout``, and ValueError for what is no
        state.
        """

    def wait_for_file(self, filename: str | Path, timeout: Duration | None = DEFAULT_LIMIT) -> None:
        """Wait until a file exists. The shell sees the name: ``~`` and patterns work."""

    def wait_for_open_port(
        self, port: int | str, addr: str = "localhost", timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until something listens on a TCP port, as seen from the machine (needs ``nc``)."""

    def wait_for_closed_port(
        self, port: int | str, addr: str = "localhost", timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until nothing listens on a TCP port any more (needs ``nc``)."""

    def wait_for_open_unix_socket(
        self, addr: str | Path, is_datagram: bool = False, timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until something listens on a Unix socket (needs ``nc``)."""

    def log(self, msg: str) -> None:
        """Write a remark about this machine into the log."""


class QemuMachine(BaseMachine, engine.QemuMachine):
    def start(self, allow_reboot: bool = False) -> None:
        """Start QEMU; return when it runs and answers, without waiting for the guest to boot.

        Does nothing if it runs. With ``allow_reboot`` a reboot of the guest restarts it;
        otherwise it ends QEMU. Raises MachineError at once if the start script fails.
        """

    def shutdown(self) -> None:
        """Power the guest off and wait for QEMU's end. Nothing if it is off."""

    def crash(self) -> None:
        """Pull the plug: end QEMU at once, and wait for its end. Nothing if it is off."""

    def reboot(self) -> None:
        """Press Ctrl-Alt-Delete; the next command waits for the new shell.

        For machines that were started with ``allow_reboot=True``.
        """

    def wait_for_shutdown(self) -> None:
        """Wait until the guest has powered off and QEMU has ended."""

    def send_monitor_command(self, command: str) -> str:
        """Give a command to QEMU's human monitor; return its answer, the prompt included."""

    def wait_for_monitor_prompt(self) -> str:
        """Read the human monitor up to its next prompt."""

    def send_key(self, key: str, delay: Duration | None = KEY_DELAY, log: bool = True) -> None:
        """Press a key, named as QEMU does (``ctrl-alt-delete``), or a character of a US keyboard.

        ``delay`` is the time to wait afterwards.
        """

    def send_chars(self, chars: str, delay: Duration | None = KEY_DELAY) -> None:
        """Type characters on a US keyboard, with ``delay`` after each."""

    def forward_port(self, host_port: int = 8080, guest_port: int = 80) -> None:
        """Forward a TCP port of the host to one of the guest, through the user network.

        Raises MachineError with QEMU's words if it cannot: the port is in use, or is none.
        """

    def block(self) -> None:
        """Pull the cable of the first VLAN. Raises MachineError if QEMU has no such card."""

    def unblock(self) -> None:
        """Plug the cable of the first VLAN in again; an error as for block()."""

    def send_console(self, chars: str) -> None:
        """Write characters to the serial console."""

    def get_console_log(self) -> str:
        """All that the serial console has shown since the last start.

        Of more than 1 GiB the first line says how much is gone.
        """


class NspawnMachine(BaseMachine, engine.NspawnMachine):
    def start(self, allow_reboot: bool = False) -> None:
        """Start the container; return when it runs, without waiting for it to boot.

        Does nothing if it runs. A container that reboots ends; with ``allow_reboot`` the next
        command starts it again. Raises MachineError at once if the start script fails.
        """

    def connect(self) -> None:
        """Wait until commands can run; starts the container if it is off.

        That is when its systemd has reached basic.target and, if systemd-nspawn tells
        NOTIFY_SOCKET of the container, has said READY=1 there: with ``--notify-ready=yes`` at
        the end of its boot. Raises MachineError at once if it ends or cannot get there, and
        after five minutes without any output.
        """

    def is_up(self) -> bool:
        """Whether the container runs and commands have been able to run in it."""

    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: Duration | None = DEFAULT_LIMIT,
    ) -> tuple[int, str]:
        """Run a shell command as root; return its exit status and standard output.

        As in a virtual machine, but: standard input is empty, /etc/profile is read before each
        command, ``check_return`` and ``check_output`` change nothing (only that, without
        ``check_output``, the command may end the container), and a command that takes longer than
        ``timeout`` (seconds or timedelta, None for no limit) is ended and raises
        subprocess.TimeoutExpired.
        """
