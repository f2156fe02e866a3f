"""systemd-nspawn containers."""

from __future__ import annotations

from test_driver._engine import engine
from test_driver.machine.base import BaseMachine, methods_of_engine
from test_driver.screen.x11 import X11Mixin

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

    from test_driver import _declared
    from test_driver.logger import AbstractLogger
    from test_driver.machine.process import NoticeReader, Process
    Engine = _declared.NspawnMachine
else:
    Engine = engine.NspawnMachine


class NspawnMachine(X11Mixin, BaseMachine, Engine):
    """A systemd-nspawn container.

    Several threads may run commands of one container at the same time. A command that exceeds its
    time limit raises subprocess.TimeoutExpired; ``check_return`` and ``check_output`` do not change
    that. The log has the container's journal in place of a serial console. Methods for the screen
    use xwd, xdotool and xwininfo on an X server in the container. Mounts, network devices and
    cgroups of containers are in namespaces of the driver; none are left when it ends.
    """

    pid: int | None
    """The pid of the start script; None if the container is off."""
    start_command: str
    """The program that starts the container."""
    machine_sock_path: Path
    """The start script's NOTIFY_SOCKET, on which systemd-nspawn says that the container is ready."""

    locals().update(methods_of_engine("NspawnMachine", __name__))

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
        """The start script's process, like subprocess.Popen; None if the container is off."""
        if self.pid is None:
            return self._last_process
        if self._last_process is None or self._last_process.pid != self.pid:
            from test_driver.machine.process import Process

            self._last_process = Process(self._process())
        return self._last_process

    @property
    def machine_sock(self) -> socket.socket | None:
        """The socket at NOTIFY_SOCKET; None if the container is off. The driver reads it, too, and
        only one of the two readers gets each message."""
        if self.pid is None:
            return None
        from test_driver.machine.process import SharedSocket

        return SharedSocket(self._notify_fd())

    @property
    def notify_thread(self) -> NoticeReader:
        """The reader of NOTIFY_SOCKET, with the interface of threading.Thread."""
        from test_driver.machine.process import NoticeReader

        return NoticeReader(self)

    @property
    def get_systemd_process(self) -> int:
        """The pid of the container's init on the host. Waits until commands can run."""
        return self._init()
