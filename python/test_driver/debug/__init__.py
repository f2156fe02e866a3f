"""Stop a test, and serve a debugger."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from test_driver.debug.debugger import Run

__all__ = ["Debug", "DebugAbstract", "DebugNop"]

HOST, PORT = "127.0.0.1", 4444


class DebugAbstract(ABC):
    """The interface of ``debug``: breakpoints in the test script."""

    @abstractmethod
    def breakpoint(self, host: str = HOST, port: int = PORT) -> None:
        """Stop here and serve Python's debugger pdb over TCP, until ``continue`` is entered.

        The log says how to attach. The debugger first asks for a key, which is in a file that only
        the driver's user can read. If the port is in use, another one is chosen. Does nothing
        without --debug-hook-attach. Raises OSError if the address cannot be used.
        """

    def post_mortem(self, error: BaseException) -> None:
        """Serve a debugger in the frame of the script that failed with ``error``."""


class DebugNop(DebugAbstract):
    """Without --debug-hook-attach: never stops."""

    def breakpoint(self, host: str = HOST, port: int = PORT) -> None:
        """Do nothing."""


class Debug(DebugAbstract):
    """With --debug-hook-attach: stops and serves a debugger."""

    def __init__(self, driver: Run, attach_command: str) -> None:
        # Imported now: a failed test may have used up all file descriptors, which imports need.
        from test_driver.debug import debugger  # few runs need it

        self._debugger = debugger
        self._driver = driver
        self._attach_command = attach_command

    def breakpoint(self, host: str = HOST, port: int = PORT) -> None:
        """Stop here and serve a debugger; see DebugAbstract."""
        debugger = self._debugger.attached(self._driver, self._attach_command, host, port)
        debugger.stop_in(sys._getframe(1))

    def post_mortem(self, error: BaseException) -> None:
        """Serve a debugger in the frame of the script that failed with ``error``."""
        frame = self._debugger.innermost_frame(error)
        if frame is not None:
            debugger = self._debugger.attached(self._driver, self._attach_command, HOST, PORT)
            debugger.look_at(frame)
