"""QEMU virtual machines."""

from __future__ import annotations

from test_driver._engine import engine
from test_driver.duration import DEFAULT_LIMIT, EVENT_LIMIT, seconds, wait_limit
from test_driver.firmware import FirmwareMixin
from test_driver.machine.base import BaseMachine, methods_of_engine
from test_driver.screen import ScreenMixin

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    import re
    import socket
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any, TypeVar

    from test_driver import _declared
    from test_driver.duration import Duration
    from test_driver.logger import AbstractLogger
    from test_driver.machine.console import ConsoleQueue, ConsoleReader
    from test_driver.machine.process import Process
    from test_driver.machine.qmp import QMPSession
    from test_driver.machine.start_command import StartCommand

    T = TypeVar("T")
    Engine = _declared.QemuMachine
else:
    Engine = engine.QemuMachine


class QemuMachine(ScreenMixin, FirmwareMixin, BaseMachine, Engine):
    """A QEMU virtual machine."""

    booted: bool
    """Whether the machine is on; may be assigned."""
    connected: bool
    """Whether the root shell is connected. If set to False, connect() waits for a new shell."""
    pid: int | None
    """The pid of the start script; None if the machine is off."""
    start_command: str
    """The shell command that starts the machine. QEMU's arguments are appended to it."""
    monitor_path: Path
    """The socket of QEMU's human monitor."""
    qmp_path: Path
    """The socket of QMP."""
    shell_path: Path
    """The socket of the root shell."""
    vnc_path: Path
    """The socket of QEMU's VNC server, which --vnc enables."""
    efi_vars_path: Path
    """The file of the firmware's variables: $NIX_EFI_VARS of the start script, unless the driver's
    environment names another file."""

    locals().update(methods_of_engine("QemuMachine", __name__))

    def __init__(
        self,
        out_dir: Any,
        tmp_dir: Any,
        start_command: str | StartCommand,
        logger: AbstractLogger | None = None,
        name: str | None = None,
        keep_machine_state: bool = False,
        callbacks: Iterable[Callable[[], Any]] | None = None,
        **_: Any,
    ) -> None:
        super().__init__(str(start_command), name, out_dir, tmp_dir, keep_machine_state)
        self._set_up(callbacks, logger, QemuMachine)
        self._objects: dict[str, Any] = {}  # Python objects for the parts of one process
        self._objects_of: int | None = None  # the pid of that process
        self._vsock_cid: int | None = None  # the guest's address, with a vsock of the host's kernel

    # ------------------------------------------------------------------------------ life

    def switch_root(self) -> None:
        """Switch from the initrd to the real root; return when its root shell is connected.

        For machines whose initrd runs systemd, has a root shell, and waits for this call
        (``testing.initrdBackdoor`` of NixOS tests).
        """
        with self.nested("switching to the real root"):
            self.wait_for_unit("initrd.target")
            # This command ends the shell that runs it.
            isolate = "systemctl --no-block isolate initrd-switch-root.target"
            self.execute(isolate, check_output=False)
            self.connected = False
            self.connect()

    def is_up(self) -> bool:
        """Whether QEMU runs and the root shell is connected."""
        # After QEMU has died, the machine counts as booted until shutdown(), crash() or
        # wait_for_shutdown() notice it.
        return super().is_up() and self._process().poll() is None

    # ------------------------------------------------------------------------------ parts

    @property
    def process(self) -> Process | None:
        """The running process, like subprocess.Popen; None if the machine is off."""
        return self._part("process", self._new_process)

    @process.setter
    def process(self, value: Any) -> None:
        self._parts()["process"] = value

    @property
    def shell(self) -> socket.socket | None:
        """The connection to the root shell; None if the machine is off."""
        return self._part("shell", self._new_shell_socket)

    @shell.setter
    def shell(self, value: Any) -> None:
        self._parts()["shell"] = value

    @property
    def monitor(self) -> socket.socket | None:
        """The connection to QEMU's monitor; None if the machine is off."""
        return self._part("monitor", self._new_monitor_socket)

    @monitor.setter
    def monitor(self, value: Any) -> None:
        self._parts()["monitor"] = value

    @property
    def qmp_client(self) -> QMPSession | None:
        """The QMP session; None if the machine is off."""
        return self._part("qmp_client", self._new_qmp_session)

    @qmp_client.setter
    def qmp_client(self, value: Any) -> None:
        self._parts()["qmp_client"] = value

    def _part(self, name: str, make: Callable[[], T]) -> T | None:
        parts = self._parts()
        if name not in parts:
            if self.pid is None:
                return None
            parts[name] = make()
        part: T | None = parts[name]
        return part

    def _parts(self) -> dict[str, Any]:
        """The objects for the running process, or for the last one if none runs."""
        pid = self.pid
        if pid is not None and pid != self._objects_of:
            self._objects = {}
            self._objects_of = pid
        return self._objects

    def _new_process(self) -> Process:
        from test_driver.machine.process import Process

        return Process(self._process())

    def _new_shell_socket(self) -> socket.socket:
        from test_driver.machine.process import SharedSocket

        return SharedSocket(self._shell_fd())

    def _new_monitor_socket(self) -> socket.socket:
        from test_driver.machine.process import SharedSocket

        return SharedSocket(self._monitor_fd())

    def _new_qmp_session(self) -> QMPSession:
        from test_driver.machine.qmp import QMPSession

        return QMPSession(self)

    # ------------------------------------------------------------------------------ SSH backdoor

    @property
    def vsock_host(self) -> Path | None:
        """The SSH backdoor's socket on the host; None without the backdoor."""
        return self._vsock.host if self._vsock else None

    @property
    def vsock_guest(self) -> Path | None:
        """The SSH backdoor's socket that QEMU connects to; None without the backdoor."""
        return self._vsock.guest if self._vsock else None

    def ssh_backdoor_command(self, index: int | None = None) -> str:
        """The command for a user to log in as root over the SSH backdoor.

        ``index`` is the guest's address if the host's kernel provides the vsock; older releases
        passed it. Raises MachineError if the machine has no backdoor.
        """
        if index is None and self.vsock_host is not None:
            return f"ssh -o User=root vsock-mux/{self.vsock_host}"
        return super().ssh_backdoor_command(self._vsock_cid if index is None else index)

    # ------------------------------------------------------------------------------ monitors

    def wait_for_qmp_event(
        self, event_filter: Callable[[dict[str, Any]], Any], timeout: Duration | None = EVENT_LIMIT
    ) -> dict[str, Any]:
        """Wait for a QMP event for which ``event_filter(event)`` is true, and return it.

        Drops the events before it. Raises TimeoutError after ``timeout``.
        """
        session = self.qmp_client
        if session is None:
            from test_driver.errors import MachineError

            raise MachineError(f"machine '{self.name}' is not running: start() it first")
        return session.wait_for_event(event_filter, wait_limit(timeout, EVENT_LIMIT))

    # ------------------------------------------------------------------------------ screen

    def _screen(self) -> bytes:
        """The picture of the screen, as PPM."""
        from test_driver.machine import screendump

        self.run_callbacks()
        return screendump.picture_of(self)

    # ------------------------------------------------------------------------------ input

    def shell_interact(self, address: str | None = None) -> None:
        """Give a user a root shell on its own terminal in the guest, until it ends, or Ctrl-].

        The user sits at our terminal, or at the other end of ``address`` (in socat's syntax, such
        as ``"TCP-LISTEN:2222,bind=127.0.0.1"``). The script's commands use another shell and keep
        working. The guest's output reaches the terminal unfiltered, escape sequences included.
        Raises MachineError if there is neither a terminal nor an address, or if socat is missing.
        """
        from test_driver.machine import terminal

        terminal.shell_interact(self, address)

    def console_interact(self) -> None:
        """Give a user the serial console; return at Ctrl-] or when QEMU ends.

        All other keys, Ctrl-C included, go to the guest. All output of the guest, escape sequences
        included, goes to the terminal. Raises MachineError without a terminal.
        """
        from test_driver.machine import terminal

        terminal.console_interact(self)

    # ------------------------------------------------------------------------------ console

    @property
    def full_console_log(self) -> list[str]:
        """The lines of get_console_log()."""
        return self.get_console_log().splitlines()

    @property
    def last_lines(self) -> ConsoleQueue:
        """The console lines that no wait has consumed yet, with the interface of queue.Queue."""
        from test_driver.machine.console import ConsoleQueue

        return ConsoleQueue(self)

    @property
    def serial_thread(self) -> ConsoleReader:
        """The reader of the serial console, with the interface of threading.Thread."""
        from test_driver.machine.console import ConsoleReader

        return ConsoleReader(self)

    def wait_for_console_text(
        self, regex: str | re.Pattern[str], timeout: Duration | None = None
    ) -> None:
        """Wait for matching text on the serial console, after the text that the last wait consumed.

        The pattern may span several lines. Its match and all text before it are consumed: the next
        wait searches the text after the match. A line without a newline, such as a prompt, is
        searched once the console has been quiet for half a second. Raises RequestedAssertionFailed
        after ``timeout`` (None: no limit).
        """
        from test_driver.machine import console

        console.wait_for_text(self, regex, seconds(timeout))

    # ------------------------------------------------------------------------------ terminals

    def get_tty_text(self, tty: int | str) -> str:
        """The text on virtual console ``tty``, one line for each row of the screen.

        Letters that the console's font lacks are found from the first call on; older text lacks
        them. Kernels before Linux 4.19, and consoles that are not in UTF-8 mode, report only glyph
        numbers: then everything that is not ASCII becomes U+FFFD.
        """
        from test_driver.screen.tty import look_at, text_of

        return text_of(self.succeed(look_at(str(tty))))

    def wait_until_tty_matches(
        self, tty: int | str, regexp: str, timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until the text of virtual console ``tty`` matches.

        After ``timeout``, logs the last text and raises RequestedAssertionFailed.
        """
        import re

        from test_driver.logger.failure import last_text

        pattern = re.compile(regexp)
        text = ""

        def matches(last: bool) -> bool:
            nonlocal text
            text = self.get_tty_text(tty)
            if last:
                self.log(f"Last chance to match /{regexp}/ on TTY{tty}, which currently contains:")
                self.log(text)
            return pattern.search(text) is not None

        with self.nested(f"waiting for {regexp} to appear on tty {tty}"):
            self._retry(matches, wait_limit(timeout), lambda: last_text(f"TTY{tty}", text))

    def dump_tty_contents(self, tty: int | str) -> None:
        """Print the text of virtual console ``tty`` on the serial console, and so into the log."""
        import contextlib

        from test_driver.errors import RequestedAssertionFailed

        with contextlib.suppress(RequestedAssertionFailed):  # the console shows the error
            import shlex

            self.execute(f"printf '%s\\n' {shlex.quote(self.get_tty_text(tty))} >&2")

    # ------------------------------------------------------------------------------ network
