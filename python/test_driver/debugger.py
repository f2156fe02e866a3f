"""The debug hook: a failing test, or one that calls debug.breakpoint(), waits for a person.

A Python debugger listens on a TCP port of this host. In a Nix build that is the sandbox, which the
attach command enters: it finds it by a process ``sleep NUMBER`` whose number it is told.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import linecache
import pdb
import random
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from test_driver._engine import engine
from test_driver.debug import HOST, PORT, DebugAbstract
from test_driver.script import FILE_NAME, frames_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from test_driver.driver import Driver

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class Debug(DebugAbstract):
    """What the symbol ``debug`` is with the debug hook."""

    def __init__(self, driver: Driver, attach_command: str) -> None:
        self._driver = driver
        self._attach_command = attach_command

    def breakpoint(self, host: str = HOST, port: int = PORT) -> None:
        """Stop here and serve a debugger."""
        self._wait_for_debugger(host, port).stop_in(sys._getframe(1))

    def post_mortem(self, error: BaseException) -> None:
        """Serve a debugger in the script's frame in which it failed."""
        frames = list(frames_of(error))
        if frames:
            debugger = self._wait_for_debugger(HOST, PORT)
            debugger.reset()
            debugger.interaction(frames[-1].tb_frame, None)
            debugger.finish()

    def _wait_for_debugger(self, host: str, port: int) -> Debugger:
        source = self._driver.tests
        linecache.cache[FILE_NAME] = (len(source), None, source.splitlines(True), FILE_NAME)
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(_listen(host, port))
            number = stack.enter_context(_landmark())
            say = self._driver.logger.info
            say(f"Breakpoint reached, run 'sudo {self._attach_command} {number}'")
            address, taken_port = listener.getsockname()[:2]
            say(f"a debugger listens on {address}:{taken_port} (`continue` goes on with the test)")
            connection, _ = listener.accept()
            listener.close()
            stack.enter_context(connection)
            stack.enter_context(_global_timeout_paused(self._driver))
            debugger = Debugger(connection, stack.pop_all().close)
        return debugger


class Debugger(pdb.Pdb):
    """pdb at the other end of a connection. ``quit`` and the connection's end are ``continue``."""

    def __init__(self, connection: socket.socket, at_end: Callable[[], None]) -> None:
        self._file = connection.makefile("rw", encoding="utf-8", errors="replace")
        self._at_end = at_end
        super().__init__(stdin=self._file, stdout=self._file, nosigint=True, readrc=False)

    def stop_in(self, frame: FrameType) -> None:
        """Stop at the next line of ``frame``, or of what has called it."""
        self.reset()
        caller: FrameType | None = frame
        while caller is not None:
            caller.f_trace = self.trace_dispatch
            self.botframe = caller
            caller = caller.f_back
        self.set_next(frame)
        sys.settrace(self.trace_dispatch)  # last: we do not want to be seen ourselves

    def finish(self) -> None:
        """Let the person go."""
        with contextlib.suppress(OSError, ValueError):
            self._file.close()
        self._at_end()

    def set_continue(self) -> None:
        super().set_continue()
        if not self.breaks:
            sys.settrace(None)
            self.finish()

    def do_quit(self, arg: str) -> bool:
        """quit: let the test go on."""
        self.clear_all_breaks()
        self.set_continue()
        return True

    do_q = do_exit = do_EOF = do_quit

    def cmdloop(self, intro: Any = None) -> None:
        try:
            super().cmdloop(intro)
        except (OSError, ValueError):  # the other end has gone
            self.do_quit("")


@contextlib.contextmanager
def _global_timeout_paused(driver: Driver) -> Iterator[None]:
    """While a person looks at the test, its time stands still."""
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
def _landmark() -> Iterator[str]:
    """The process ``sleep NUMBER``; it ends with us, whatever happens to us."""
    libc = ctypes.CDLL(None)
    number = str(random.randint(10**7, 10**8))
    process = subprocess.Popen(
        ["sleep", number],
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    try:
        yield number
    finally:
        process.kill()
        process.wait()
