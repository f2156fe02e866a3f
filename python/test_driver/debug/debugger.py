"""The debug hook: a test that fails or calls debug.breakpoint() waits for a user to attach.

Python's debugger listens on a TCP port of this host. In a Nix build that port is inside the
sandbox. The attach command enters the sandbox: it finds it by a process ``sleep NUMBER`` and gets
that number as its argument.

Whoever controls the debugger has all rights of our user. But every user of the host can connect to
the port, and so can guests through QEMU's user network. So the first line sent must be a key, which
is in a file that only our user can read, and never in the log.
"""

from __future__ import annotations

import contextlib
import errno
import linecache
import pdb
import random
import secrets
import selectors
import shlex
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol, cast

from test_driver._engine import engine
from test_driver.files.beneath import Directory
from test_driver.files.unfinished import unfinished
from test_driver.logger.failure import FILE_NAME, innermost_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from test_driver.logger import AbstractLogger

MOST_WAITING = 16  # limit for connections that have not sent the key yet
LONGEST_KEY = 100  # bytes


class Run(Protocol):
    """The part of Driver that the debugger needs."""

    tests: str
    logger: AbstractLogger
    _global_deadline: float | None

    @property
    def tmp_dir(self) -> Path: ...
    def _arm_global_timeout(self, seconds: float) -> None: ...


def attached(driver: Run, attach_command: str, host: str, port: int) -> Debugger:
    """Wait until a user attaches; return the debugger on that connection."""
    source = driver.tests
    linecache.cache[FILE_NAME] = (len(source), None, source.splitlines(True), FILE_NAME)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        key, file = stack.enter_context(_key_file(driver.tmp_dir))
        number = stack.enter_context(_landmark())
        say = driver.logger.info
        say(f"Breakpoint reached, run 'sudo {attach_command} {number}'")
        address, taken_port = listener.getsockname()[:2]
        say(f"a debugger listens on {address}:{taken_port} (`continue` goes on with the test)")
        say(f"attach to it with: (cat {file}; cat) | telnet {address} {taken_port}")
        connection = _accept(listener, key)
        listener.close()
        stack.enter_context(connection)
        stack.enter_context(_global_timeout_paused(driver))
        debugger = Debugger(connection, stack.pop_all().close)
    return debugger


def innermost_frame(error: BaseException) -> FrameType | None:
    """The frame of the script in which it failed; None if the script is not in the traceback."""
    part = innermost_of(error)
    return part.tb_frame if part is not None else None


class Debugger(pdb.Pdb):
    """pdb over a connection. ``quit``, and the end of the connection, work like ``continue``."""

    def __init__(self, connection: socket.socket, at_end: Callable[[], None]) -> None:
        self._file = connection.makefile("rw", encoding="utf-8", errors="replace")
        self._at_end = at_end
        # `step` on an assert would lead into what keeps its values.
        hidden = ["test_driver.script.asserts"]
        super().__init__(
            skip=hidden, stdin=self._file, stdout=self._file, nosigint=True, readrc=False
        )

    def stop_in(self, frame: FrameType) -> None:
        """Stop at the next line of ``frame`` or, if it returns first, of its callers."""
        self.reset()
        caller: FrameType | None = frame
        while caller is not None:
            caller.f_trace = self.trace_dispatch
            self.botframe = caller
            caller = caller.f_back
        self.set_next(frame)
        sys.settrace(self.trace_dispatch)  # last, so that this method is not traced

    def look_at(self, frame: FrameType) -> None:
        """Stop in a frame that has ended."""
        self.reset()
        self.interaction(frame, None)
        self.finish()

    def finish(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError, ValueError):
            self._file.close()
        self._at_end()

    def set_continue(self) -> None:
        super().set_continue()
        if not self.breaks:
            sys.settrace(None)
            self.finish()

    def do_quit(self, arg: str) -> bool:
        """quit: let the test continue."""
        self.clear_all_breaks()
        self.set_continue()
        return True

    do_q = do_exit = do_EOF = do_quit

    def cmdloop(self, intro: Any = None) -> None:
        try:
            super().cmdloop(intro)
        except (OSError, ValueError):  # the connection was closed
            self.do_quit("")


@contextlib.contextmanager
def _global_timeout_paused(driver: Run) -> Iterator[None]:
    """Stop the clock of the global timeout while a user debugs the test."""
    deadline = driver._global_deadline
    if deadline is None:
        yield
        return
    left = deadline - time.monotonic()
    engine.clear_global_timeout()
    try:
        yield
    finally:
        driver._arm_global_timeout(max(left, 0.0))


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return socket.create_server((host, 0))


@contextlib.contextmanager
def _key_file(directory: Path) -> Iterator[tuple[str, str]]:
    """Create a key, and the file that contains it; yield the key and the file's quoted path."""
    key = secrets.token_hex(16)
    name = f"debugger-key-{secrets.token_hex(8)}"
    with Directory.at(directory) as parent, unfinished(parent.descriptor, name):
        try:
            with parent.create(name) as file:
                file.write(f"{key}\n".encode())
            yield key, shlex.quote(parent.path_of(name))
        finally:
            parent.remove(name)


def _accept(listener: socket.socket, key: str) -> socket.socket:
    """Return the first connection that sends the key. Connections do not block each other."""
    listener.setblocking(False)
    waiting: dict[socket.socket, bytes] = {}
    with selectors.DefaultSelector() as selector, _closing_all(waiting):
        selector.register(listener, selectors.EVENT_READ)
        while True:
            ready = [cast("socket.socket", found.fileobj) for found, _ in selector.select()]
            for connection in ready:
                if connection not in waiting:
                    continue
                line = waiting[connection] = _read_on(connection, waiting[connection])
                if not line.endswith(b"\n"):
                    continue
                del waiting[connection]
                selector.unregister(connection)
                if secrets.compare_digest(line.strip(), key.encode()):
                    connection.setblocking(True)
                    return connection
                connection.close()
            if listener in ready:
                _let_knock(listener, waiting, selector)


@contextlib.contextmanager
def _closing_all(connections: dict[socket.socket, bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        for connection in connections:
            connection.close()


def _let_knock(
    listener: socket.socket,
    waiting: dict[socket.socket, bytes],
    selector: selectors.BaseSelector,
) -> None:
    """Accept a connection, and ask for the key. If there are too many, close the oldest."""
    try:
        connection, _ = listener.accept()
    except OSError:  # closed by the client already
        return
    connection.setblocking(False)
    if len(waiting) >= MOST_WAITING:
        oldest = next(iter(waiting))
        del waiting[oldest]
        selector.unregister(oldest)
        oldest.close()
    with contextlib.suppress(OSError):
        connection.send(b"key: ")
    waiting[connection] = b""
    selector.register(connection, selectors.EVENT_READ)


def _read_on(connection: socket.socket, line: bytes) -> bytes:
    """Read more of the line, but nothing behind it.

    Returns an empty line (a wrong key) if the connection has ended or the line is too long.
    """
    try:
        more = connection.recv(LONGEST_KEY, socket.MSG_PEEK)
        end = more.find(b"\n") + 1
        line += connection.recv(end or len(more))
    except BlockingIOError:
        return line
    except OSError:
        return b"\n"
    return line if more and len(line) < LONGEST_KEY else b"\n"


@contextlib.contextmanager
def _landmark() -> Iterator[str]:
    """Run ``sleep NUMBER``; yield the number. The process ends with us, even if we are killed."""
    number = str(random.randint(10**7, 10**8))
    program = engine.Program(["sleep", number])
    try:
        yield number
    finally:
        program.end()
