"""systemd-nspawn containers."""

from __future__ import annotations

from test_driver._engine import engine
from test_driver.duration import DEFAULT_LIMIT, seconds
from test_driver.machine.base import BaseMachine
from test_driver.screen.x11 import X11Mixin

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

    from test_driver.duration import Duration
    from test_driver.logger import AbstractLogger
    from test_driver.machine.process import NoticeReader, Process


class NspawnMachine(X11Mixin, BaseMachine, engine.NspawnMachine):
    """A systemd-nspawn container.

    Commands of one container may run at the same time, in several threads. One that takes longer
    than its time limit raises subprocess.TimeoutExpired, and ``check_return`` and ``check_output``
    change nothing. The journal is what a virtual machine's serial console is: part of the log. The
    screen is that of an X server, and seen and used by xwd, xdotool and xwininfo in the container.
    Mounts, network devices and cgroups of containers are in namespaces of the driver's own; none
    are left when it ends.
    """

    pid: int | None
    """Number of the start script's process; None if the container is off."""
    start_command: str
    """The program that starts the container."""
    machine_sock_path: Path
    """The start script's NOTIFY_SOCKET, on which systemd-nspawn says that the container is ready."""

    def __init__(
        self,
        out_dir: Any,
        name: str | None,
        start_command: str,
        tmp_dir: Any,
        logger: AbstractLogger | None = None,
        callbacks: Iterable[Callable[[], Any]] | None = None,
        keep_machine_state: bool = False,
        *,
        containers: engine.ContainerHost | None = None,
        **_: Any,
    ) -> None:
        host = containers or engine.ContainerHost(tmp_dir)
        super().__init__(start_command, name, out_dir, tmp_dir, keep_machine_state, host)
        self._set_up(callbacks, logger, NspawnMachine)
        self._last_process: Process | None = None

    @property
    def process(self) -> Process | None:
        """The start script's process, in the manner of subprocess.Popen; None if it is off."""
        if self.pid is None:
            return self._last_process
        if self._last_process is None or self._last_process.pid != self.pid:
            from test_driver.machine.process import Process

            self._last_process = Process(self._process())
        return self._last_process

    @property
    def machine_sock(self) -> socket.socket | None:
        """That socket; None if the container is off. The driver reads it, too: each message goes to
        one of the two."""
        if self.pid is None:
            return None
        from test_driver.machine.process import SharedSocket

        return SharedSocket(self._notify_fd())

    @property
    def notify_thread(self) -> NoticeReader:
        """What reads that socket, in the manner of threading.Thread."""
        from test_driver.machine.process import NoticeReader

        return NoticeReader(self)

    @property
    def get_systemd_process(self) -> int:
        """Number of the container's init on the host. Waits until commands can run."""
        return self._init()

    def start(self, allow_reboot: bool = False) -> None:
        """Start the container; return when it runs, without waiting for it to boot.

        Does nothing if it runs. A container that reboots ends; with ``allow_reboot`` the next
        command starts it again. Raises MachineError at once if the start script fails.
        """
        super().start(allow_reboot)

    def connect(self) -> None:
        """Wait until commands can run; starts the container if it is off.

        That is when its systemd has reached basic.target and, if systemd-nspawn tells
        NOTIFY_SOCKET of the container, has said READY=1 there: with ``--notify-ready=yes`` at the
        end of its boot. Raises MachineError at once if it ends or cannot get there, and after five
        minutes without any output.
        """
        super().connect()

    def is_up(self) -> bool:
        """Whether the container runs and commands have been able to run in it."""
        return super().is_up()

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
        return super().execute(command, check_return, check_output, seconds(timeout))
