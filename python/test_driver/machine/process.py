"""The process and the sockets of a running machine as Python objects."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from typing import TYPE_CHECKING, BinaryIO, Protocol

from test_driver.duration import Duration, as_seconds

if TYPE_CHECKING:
    from test_driver._engine import engine


class Process:
    """The machine's process, with the interface of subprocess.Popen."""

    def __init__(self, handle: engine.ProcessHandle) -> None:
        self._handle = handle
        self._files: dict[str, BinaryIO] = {}

    @property
    def pid(self) -> int:
        """The pid."""
        return self._handle.pid

    @property
    def args(self) -> list[str]:
        """The command line."""
        return self._handle.args

    @property
    def returncode(self) -> int | None:
        """The exit status; -N if signal N killed the process; None while it runs."""
        return self.poll()

    def poll(self) -> int | None:
        """See returncode."""
        return self._handle.poll()

    def wait(self, timeout: Duration | None = None) -> int:
        """Wait for the end of the process; raises subprocess.TimeoutExpired after ``timeout``."""
        status = self._handle.wait(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, as_seconds(timeout or 0))
        return status

    def send_signal(self, sig: int) -> None:
        """Send a signal to the process, not to its children."""
        self._handle.signal(int(sig))

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._handle.signal(15)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._handle.signal(9)

    @property
    def stdin(self) -> BinaryIO:
        """A file that writes to the serial console."""
        return self._file("stdin", "wb")

    @property
    def stdout(self) -> BinaryIO:
        """A file that reads the serial console. The driver reads it, too, and only one of the two
        readers gets each byte."""
        return self._file("stdout", "rb")

    def _file(self, name: str, mode: str) -> BinaryIO:
        if name not in self._files:
            descriptor = os.dup(getattr(self._handle, f"{name}_fd"))
            self._files[name] = os.fdopen(descriptor, mode, buffering=0)  # type: ignore[assignment]
        return self._files[name]


class SharedSocket(socket.socket):
    """A separate socket object for a connection that the engine uses as well.

    The connection itself must stay non-blocking for the engine. So a socket without a time limit
    gets one of _NO_LIMIT seconds here.
    """

    _NO_LIMIT = 20 * 24 * 3600.0  # poll(2) accepts at most 24 days

    def __init__(self, descriptor: int) -> None:
        super().__init__(fileno=os.dup(descriptor))
        self.settimeout(None)

    def settimeout(self, value: float | None) -> None:
        super().settimeout(self._NO_LIMIT if value is None else value)

    def gettimeout(self) -> float | None:
        limit = super().gettimeout()
        return None if limit == self._NO_LIMIT else limit

    def setblocking(self, flag: bool) -> None:
        self.settimeout(None if flag else 0.0)


class HasProcess(Protocol):
    """A machine that has a process while it runs."""

    @property
    def process(self) -> Process | None: ...


class NoticeReader:
    """The reader of a container's NOTIFY_SOCKET, with the interface of threading.Thread."""

    def __init__(self, machine: HasProcess) -> None:
        self._machine = machine

    def is_alive(self) -> bool:
        """Whether more messages may come."""
        process = self._machine.process
        return process is not None and process.poll() is None

    def join(self, timeout: Duration | None = None) -> None:
        """Wait until the container has ended."""
        process = self._machine.process
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
