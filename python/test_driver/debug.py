"""Stopping in the middle of a test for a debugger."""

from __future__ import annotations

from abc import ABC, abstractmethod


class DebugAbstract(ABC):
    """What the symbol ``debug`` is."""

    @abstractmethod
    def breakpoint(self, host: str = "127.0.0.1", port: int = 4444) -> None:
        """Stop here and serve a debugger."""


class DebugNop(DebugAbstract):
    """Without the debug hook there is nobody to stop for."""

    def breakpoint(self, host: str = "127.0.0.1", port: int = 4444) -> None:
        """Go on."""
