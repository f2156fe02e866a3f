"""Stopping in the middle of a test for a debugger."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False  # see __init__.py
if TYPE_CHECKING:
    from typing import Any
    from test_driver.debugger import Debug

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


def __getattr__(name: str) -> Any:
    """What few runs need, where others import it from."""
    if name != "Debug":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from test_driver import debugger

    return debugger.Debug
