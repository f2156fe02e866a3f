"""The test log, as scripts see it."""

from __future__ import annotations

from typing import Any

import _ntd


class Logger:
    """Writes remarks into the test log, at four levels and in nested parts."""

    def log(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """A remark at level info; ``attributes["machine"]`` names the machine that it is about."""
        self._line(_ntd.Level.info, message, attributes)

    def debug(self, message: str, attributes: dict[str, str] | None = None) -> None:
        self._line(_ntd.Level.debug, message, attributes)

    def info(self, message: str, attributes: dict[str, str] | None = None) -> None:
        self._line(_ntd.Level.info, message, attributes)

    def warning(self, message: str, attributes: dict[str, str] | None = None) -> None:
        self._line(_ntd.Level.warning, message, attributes)

    def error(self, message: str, attributes: dict[str, str] | None = None) -> None:
        self._line(_ntd.Level.error, message, attributes)

    def nested(self, message: str, attributes: dict[str, str] | None = None) -> _ntd.Scope:
        """A context manager; what is logged in it belongs to ``message``."""
        return _ntd.Scope(str(message), machine=_machine(attributes))

    def subtest(self, name: str) -> _ntd.Scope:
        """A context manager for one part of the test; it is a case of its own in reports."""
        return _ntd.Scope(str(name), subtest=True)

    def log_test_error(self, message: str) -> None:
        """Why the test failed: shown at every level."""
        _ntd.log_test_error(str(message))

    def log_serial(self, message: str, machine: str) -> None:
        _ntd.log_serial(machine, str(message))

    def _line(self, level: Any, message: str, attributes: dict[str, str] | None) -> None:
        _ntd.log_line(level, str(message), _machine(attributes))


def _machine(attributes: dict[str, str] | None) -> str:
    return (attributes or {}).get("machine", "")
