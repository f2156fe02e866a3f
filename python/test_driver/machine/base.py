"""What virtual machines and containers have in common."""

from __future__ import annotations

from test_driver._engine import engine
from test_driver.duration import DEFAULT_LIMIT, one_of, seconds

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from test_driver import _declared
    from test_driver.duration import Duration
    from test_driver.logger import AbstractLogger

    Engine = _declared.BaseMachine
else:
    # A mixin: in a machine's bases, the engine's class comes after it, so super() finds that.
    Engine = object


def methods_of_engine(name: str, module: str) -> dict[str, Any]:
    """The engine's methods for the class of that name in ``module``."""
    if hasattr(engine, "methods_of"):
        return engine.methods_of(name, module)
    from test_driver import _declared

    members = vars(getattr(_declared, name))
    return {name: method for name, method in members.items() if name[0] != "_"}


class BaseMachine(Engine):
    """A machine with a root shell.

    Commands of one machine run one at a time. Any thread may call methods, and Ctrl-C interrupts
    them. The first method that needs the machine starts it. All methods raise MachineError if the
    machine fails (MachineDied once its process has ended), and RequestedAssertionFailed if what
    they check is not true.
    """

    name: str
    """The machine's name, in the log and in the names of its files."""
    out_dir: Path
    """The driver's output directory."""
    tmp_dir: Path
    """The base directory, which has the state directories and those of the networks."""
    state_dir: Path
    """The machine's own directory, where its start script runs; may be assigned."""
    shared_dir: Path
    """The directory that all guests see as /tmp/shared."""
    keep_machine_state: bool
    """Whether a start keeps the state of an earlier run."""
    callbacks: list[Callable[[], Any]]
    """Functions that are called before each command."""
    logger: AbstractLogger
    """The test log."""

    # First, so that methods below, which need Python, replace those of the same name.
    locals().update(methods_of_engine("BaseMachine", __name__))

    # Other methods call these; the engine calls a subclass's version of them.
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

    # ------------------------------------------------------------------------------ waits

    def sleep(self, secs: Duration | None = None, duration: Duration | None = None) -> None:
        """Let this time pass on the machine's own clock. ``secs`` is the older name."""
        length = seconds(one_of(secs=secs, duration=duration))
        if length is None:
            raise TypeError("sleep(): give a duration")
        self._sleep(length)

    def wait_for_job(
        self, jobname: str, user: str | None = None, timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """The name of wait_for_unit() up to NixOS 25.11."""
        self.wait_for_unit(jobname, user, timeout)

    # ------------------------------------------------------------------------------ files

    def copy_from_host(
        self, source: str | Path, target: str | Path, *, keep_set_id: bool = False
    ) -> None:
        """Copy a file or tree of the host, like ``cp -r``, to ``target`` in the machine.

        ``source`` is relative to the driver's working directory. ``target`` may begin with ``~``;
        missing parents are created. The copy keeps access rights, and symbolic links within a tree;
        root owns all of it. It keeps set-user-ID and set-group-ID bits only with ``keep_set_id``.
        The target appears when it is complete. The copy uses the shared directory if the machine
        has mounted it, else the root shell.

        Raises FileNotFoundError if ``source`` does not exist, shutil.SpecialFileError if it is a
        FIFO, a socket or a device, and RequestedAssertionFailed if the machine cannot store it.
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

        The copy keeps its name, access rights and, within a tree, symbolic links. The machine chose
        their targets, so do not follow them. It keeps set-user-ID and set-group-ID bits only with
        ``keep_set_id``. ``target_dir`` may be absolute; it is created if needed. ``source`` may
        begin with ``~``. Copies through the shared directory also stay there, as
        ``/tmp/shared/TARGET_DIR/NAME`` in the machine, unless something else has that name.

        Raises RequestedAssertionFailed if ``source`` does not exist, or is a FIFO, a socket or a
        device. Raises MachineError, and copies nothing, if a tree has FIFOs or devices, or names
        that would be outside of the copy.
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
        """The command for a user to log in as root over the SSH backdoor.

        ``index`` is the guest's address if the host's kernel provides the vsock; older releases
        passed it. Raises MachineError if the machine has no backdoor.
        """
        if index is not None:
            return f"ssh -o User=root vsock/{index}"
        from test_driver.errors import MachineError

        raise MachineError(f"machine '{self.name}' has no SSH backdoor")

    # ------------------------------------------------------------------------------ log

    def log_serial(self, msg: str) -> None:
        """Log a line as if it came from the console."""
        self.logger.log_serial(msg, self.name)

    def nested(self, msg: str, attrs: dict[str, str] | None = None) -> AbstractContextManager[None]:
        """A context manager that groups the log lines of its block under ``msg``."""
        return self.logger.nested(msg, {"machine": self.name, **(attrs or {})})

    def run_callbacks(self) -> None:
        """Check the active polling conditions, as happens before each command."""
        for callback in self.callbacks:
            callback()
