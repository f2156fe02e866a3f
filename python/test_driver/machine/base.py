"""What virtual machines and containers have in common."""

from __future__ import annotations

from test_driver.duration import DEFAULT_LIMIT, one_of, seconds, wait_limit

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from test_driver._engine import engine
    from test_driver.duration import Duration
    from test_driver.logger import AbstractLogger

    Engine = engine.BaseMachine
else:
    # A mixin: the engine's class stands behind it in a machine's bases, and super() finds it there.
    Engine = object


class BaseMachine(Engine):
    """A machine with a root shell.

    Commands of one machine are serialised; calls may come from any thread, and Ctrl-C ends them. A
    machine that is off is started by the first method that needs it. All methods raise MachineError
    (MachineDied once its process has ended) if the machine is at fault, and
    RequestedAssertionFailed if what they are to ensure does not hold.
    """

    name: str
    """The machine's name, in the log and in the names of its files."""
    out_dir: Path
    """Where what a test brings out goes: the driver's output directory."""
    tmp_dir: Path
    """The base directory, in which the state directories and those of the networks are."""
    state_dir: Path
    """The machine's own directory, working directory of its start script; may be assigned."""
    shared_dir: Path
    """The directory that all guests have as /tmp/shared."""
    keep_machine_state: bool
    """Whether the state of an earlier run is kept at start."""
    callbacks: list[Callable[[], Any]]
    """What is called before each command."""
    logger: AbstractLogger
    """The test log."""

    # What other methods are made of: the engine calls a subclass's version of these.
    OVERRIDABLE = (
        "start",
        "connect",
        "execute",
        "systemctl",
        "get_unit_property",
        "succeed",
        "send_monitor_command",
    )

    def _set_up(
        self,
        callbacks: Iterable[Callable[[], Any]] | None,
        logger: AbstractLogger | None,
        own: type,
    ) -> None:
        from test_driver.logger import Logger

        self.callbacks = callbacks if isinstance(callbacks, list) else list(callbacks or ())
        self.logger = logger or Logger()
        changed = [
            name
            for name in self.OVERRIDABLE
            if getattr(type(self), name, None) is not getattr(own, name, None)
        ]
        self._set_overridden(changed)
        self._set_before_command(self.run_callbacks)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.name}'>"

    # ------------------------------------------------------------------------------ life

    def start(self, allow_reboot: bool = False) -> None:
        """Start the machine; return when it runs, without waiting for it to boot.

        Does nothing if it runs. With ``allow_reboot`` it may restart itself.
        """
        super().start(allow_reboot)

    def shutdown(self) -> None:
        """Power the machine off and wait for its end. Nothing if it is off."""
        super().shutdown()

    def wait_for_shutdown(self) -> None:
        """Wait until the machine has powered off."""
        super().wait_for_shutdown()

    def connect(self) -> None:
        """Wait for the root shell; starts the machine if it is off. Done already, it does nothing.

        Raises MachineError at once if the machine ends or its boot comes to a dead end (kernel
        panic, emergency mode), and after five minutes without any output on the console; with
        --config it has no more than these five minutes anyway.
        """
        super().connect()

    def is_up(self) -> bool:
        """Whether the machine runs and its root shell is connected."""
        return super().is_up()

    def release(self) -> None:
        """Kill what still runs of the machine. The driver calls it at the end."""
        super().release()

    def cleanup_statedir(self) -> None:
        """Remove the state directory with all that is in it."""
        super().cleanup_statedir()

    # ------------------------------------------------------------------------------ commands

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
        return super().execute(command, check_return, check_output, seconds(timeout))

    def succeed(self, *commands: str, timeout: Duration | None = None) -> str:
        """Run commands one after the other; return their joined output.

        Raises RequestedAssertionFailed at the first one whose exit status is not zero, and logs
        its output. ``timeout`` (seconds or timedelta) limits each command.
        """
        return super().succeed(*commands, timeout=seconds(timeout))

    def fail(self, *commands: str, timeout: Duration | None = None) -> str:
        """Like succeed(), but each command has to end with an exit status other than zero."""
        return super().fail(*commands, timeout=seconds(timeout))

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
        return super().wait_until_succeeds(
            command, wait_limit(timeout), attempt_timeout=seconds(attempt_timeout)
        )

    def wait_until_fails(self, command: str, timeout: Duration | None = DEFAULT_LIMIT) -> str:
        """Repeat a command until its exit status is not zero; return the last output.

        Raises RequestedAssertionFailed ("action timed out") after ``timeout``.
        """
        return super().wait_until_fails(command, wait_limit(timeout))

    def sleep(self, secs: Duration | None = None, duration: Duration | None = None) -> None:
        """Let so much of the machine's own time pass. ``secs`` is the older name."""
        length = seconds(one_of(secs=secs, duration=duration))
        if length is None:
            raise TypeError("sleep(): give a duration")
        super().sleep(length)

    # ------------------------------------------------------------------------------ systemd

    def systemctl(self, q: str, user: str | None = None) -> tuple[int, str]:
        """Run ``systemctl q``; return its exit status and output.

        With ``user`` it is ``systemctl --user`` of that user, who has to be logged in or lingering.
        """
        return super().systemctl(q, user)

    def start_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        """``systemctl start`` a unit; return exit status and output, unchecked."""
        return super().start_job(jobname, user)

    def stop_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        """``systemctl stop`` a unit; return exit status and output, unchecked."""
        return super().stop_job(jobname, user)

    def get_unit_info(self, unit: str, user: str | None = None) -> dict[str, str]:
        """All properties of a unit, as ``systemctl show`` has them."""
        return super().get_unit_info(unit, user)

    def get_unit_property(self, unit: str, property: str, user: str | None = None) -> str:
        """One property of a unit, e.g. ``ActiveState``."""
        return super().get_unit_property(unit, property, user)

    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        """Raise RequestedAssertionFailed unless the unit is in that state now."""
        super().require_unit_state(unit, require_state)

    def wait_for_unit(
        self, unit: str, user: str | None = None, timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until a systemd unit is active.

        Raises RequestedAssertionFailed at once if the unit has failed, or is inactive with no job
        pending that could start it, and after ``timeout``. The message says why: there is no such
        unit (but one of a similar name), its condition was not met, how its process ended. With
        ``user`` it waits for the user's manager as well, which runs from the first login on.
        """
        super().wait_for_unit(unit, user, wait_limit(timeout))

    def wait_for_job(
        self, jobname: str, user: str | None = None, timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """The name of wait_for_unit() up to 25.11."""
        self.wait_for_unit(jobname, user, timeout)

    def wait_for_unit_active_state(
        self,
        unit: str,
        state: str,
        timeout: Duration | None = DEFAULT_LIMIT,
        *,
        user: str | None = None,
    ) -> None:
        """Wait until a systemd unit is in this state, such as ``inactive`` or ``reloading``.

        No state is an error on the way: wait_for_unit() ends at once for a unit that has failed.
        Raises RequestedAssertionFailed after ``timeout``, and ValueError for what is no state.
        """
        super().wait_for_unit_active_state(unit, state, wait_limit(timeout), user=user)

    # ------------------------------------------------------------------------------ waits

    def wait_for_file(self, filename: str | Path, timeout: Duration | None = DEFAULT_LIMIT) -> None:
        """Wait until a file exists. The shell sees the name: ``~`` and patterns work."""
        super().wait_for_file(filename, wait_limit(timeout))

    def wait_for_open_port(
        self, port: int | str, addr: str = "localhost", timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until something listens on a TCP port, as seen from the machine (needs ``nc``)."""
        super().wait_for_open_port(port, addr, wait_limit(timeout))

    def wait_for_closed_port(
        self, port: int | str, addr: str = "localhost", timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until nothing listens on a TCP port any more (needs ``nc``)."""
        super().wait_for_closed_port(port, addr, wait_limit(timeout))

    def wait_for_open_unix_socket(
        self, addr: str | Path, is_datagram: bool = False, timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until something listens on a Unix socket (needs ``nc``)."""
        super().wait_for_open_unix_socket(addr, is_datagram, wait_limit(timeout))

    # ------------------------------------------------------------------------------ files

    def copy_from_host(
        self, source: str | Path, target: str | Path, *, keep_set_id: bool = False
    ) -> None:
        """Copy a file or tree of the host, as ``cp -r`` does it, to ``target`` in the machine.

        ``source`` is relative to the driver's working directory. ``target`` may begin with ``~``;
        its parents are made. Access rights are kept, symbolic links within a tree as well, and all
        belongs to root; set-user-ID and set-group-ID bits only with ``keep_set_id``. The target
        appears when it is complete. The copy goes through the shared directory if the machine has
        it mounted, and else through the root shell.

        Raises FileNotFoundError if there is no ``source``, shutil.SpecialFileError if it is a FIFO,
        a socket or a device, and RequestedAssertionFailed if the machine cannot store it.
        """
        from test_driver.files.to_guest import copy_to_guest

        copy_to_guest(self, source, target, keep_set_id=keep_set_id)

    def copy_from_host_via_shell(
        self, source: str | Path, target: str | Path, *, keep_set_id: bool = False
    ) -> None:
        """Like copy_from_host(), but always through the root shell."""
        from test_driver.files.to_guest import copy_to_guest

        copy_to_guest(self, source, target, may_share=False, keep_set_id=keep_set_id)

    def copy_from_machine(
        self, source: str | Path, target_dir: str | Path = "", *, keep_set_id: bool = False
    ) -> None:
        """Copy a file or tree of the machine into the output directory, below ``target_dir``.

        It keeps its name, access rights and, within a tree, symbolic links, which are as the
        machine made them: follow none. Set-user-ID and set-group-ID bits are kept only with
        ``keep_set_id``. ``target_dir`` may be absolute; it is made. ``source`` may begin with
        ``~``. What goes through the shared directory stays there as well, as
        ``/tmp/shared/TARGET_DIR/NAME`` in the machine, unless something else is in the way.

        Raises RequestedAssertionFailed if there is no ``source``, or it is a FIFO, a socket or a
        device, and MachineError for a tree with such parts (but sockets), or with names that would
        lie outside of the copy: then nothing is copied.
        """
        from test_driver.files.to_host import copy_to_host

        copy_to_host(self, source, target_dir, keep_set_id=keep_set_id)

    def copy_from_vm(
        self, source: str | Path, target_dir: str | Path = "", *, keep_set_id: bool = False
    ) -> None:
        """The older name of copy_from_machine()."""
        self.copy_from_machine(source, target_dir, keep_set_id=keep_set_id)

    # ------------------------------------------------------------------------------ SSH backdoor

    def ssh_backdoor_command(self, index: int | None = None) -> str:
        """The command for a person to log in as root over the SSH backdoor.

        ``index`` is the guest's address where the kernel of the host has the vsock; older releases
        gave it. Raises MachineError if the machine has no backdoor.
        """
        if index is not None:
            return f"ssh -o User=root vsock/{index}"
        from test_driver.errors import MachineError

        raise MachineError(f"machine '{self.name}' has no SSH backdoor")

    # ------------------------------------------------------------------------------ log

    def log(self, msg: str) -> None:
        """Write a remark about this machine into the log."""
        super().log(msg)

    def log_serial(self, msg: str) -> None:
        """Write a line into the log as if it came from the console."""
        self.logger.log_serial(msg, self.name)

    def nested(self, msg: str, attrs: dict[str, str] | None = None) -> AbstractContextManager[None]:
        """A context manager that groups the log lines of what happens in it under ``msg``."""
        return self.logger.nested(msg, {"machine": self.name, **(attrs or {})})

    def run_callbacks(self) -> None:
        """Check the polling conditions that are in force; done before each command."""
        for callback in self.callbacks:
            callback()
