"""Stopping in the middle of a test for a debugger."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from test_driver.debug.debugger import Run

__all__ = ["Debug", "DebugAbstract", "DebugNop"]

HOST, PORT = "127.0.0.1", 4444


class DebugAbstract(ABC):
    """What the symbol ``debug`` is."""

    @abstractmethod
    def breakpoint(self, host: str = HOST, port: int = PORT) -> None:
        """Stop here and serve a debugger (Python's pdb) over TCP, until it says ``continue``.

        It asks for a key first, which is in a file that only the driver's user can read: the log
        says how to attach.
        Another port is taken if that one is in use. Does nothing without --debug-hook-attach.
        Raises OSError if there is no such address.
        """

    def post_mortem(self, error: BaseException) -> None:
        """Serve a debugger in the script's frame in which it failed."""


class DebugNop(DebugAbstract):
    """Without the debug hook there is nobody to stop for."""

    def breakpoint(self, host: str = HOST, port: int = PORT) -> None:
        """Go on."""


class Debug(DebugAbstract):
    """With the debug hook a person can attach."""

    def __init__(self, driver: Run, attach_command: str) -> None:
        # Now: a test that has failed may have left no descriptor for the files of an import.
        from test_driver.debug import debugger  # few runs need it

        self._debugger = debugger
        self._driver = driver
        self._attach_command = attach_command

    def breakpoint(self, host: str = HOST, port: int = PORT) -> None:
        """Stop here and serve a debugger."""
        debugger = self._debugger.attached(self._driver, self._attach_command, host, port)
        debugger.stop_in(sys._getframe(1))

    def post_mortem(self, error: BaseException) -> None:
        """Serve a debugger in the script's frame in which it failed."""
        frame = self._debugger.innermost_frame(error)
        if frame is not None:
            debugger = self._debugger.attached(self._driver, self._attach_command, HOST, PORT)
            debugger.look_at(frame)
