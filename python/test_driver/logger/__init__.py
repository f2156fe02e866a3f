"""The test log, as scripts see it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

from test_driver._engine import engine

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from test_driver.logger.level import LogLevel


def __getattr__(name: str) -> Any:
    """What few runs need, where others import it from."""
    if name != "LogLevel":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from test_driver.logger.level import LogLevel

    return LogLevel


class AbstractLogger(ABC):
    """What the symbol ``log`` is."""

    @abstractmethod
    def log(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """A remark at level info; ``attributes["machine"]`` names the machine that it is about."""

    @abstractmethod
    def debug(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """A remark that is shown with ``--log-level debug``."""

    @abstractmethod
    def info(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """A remark."""

    @abstractmethod
    def warning(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """A remark about something that should not be so."""

    @abstractmethod
    def error(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """A remark about what the test cannot go on from: it ends with status 1 (SystemExit)."""

    @abstractmethod
    def nested(
        self, message: str, attributes: dict[str, str] | None = None
    ) -> AbstractContextManager[None]:
        """A context manager; what is logged in it belongs to ``message``."""

    @abstractmethod
    def subtest(
        self, name: str, attributes: dict[str, str] | None = None
    ) -> AbstractContextManager[None]:
        """A context manager for one part of the test; it is a case of its own in reports."""

    @abstractmethod
    def log_test_error(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """Why the test failed: shown at every level."""

    @abstractmethod
    def log_serial(self, message: str, machine: str) -> None:
        """A line as if it came from a machine's console."""

    @abstractmethod
    def print_serial_logs(self, enable: bool) -> None:
        """Whether the consoles are shown in the terminal."""

    @abstractmethod
    def set_log_level(self, level: LogLevel | str) -> None:
        """Which remarks are shown in the terminal."""


class Logger(AbstractLogger):
    """Writes into the log of the driver. All loggers write into the same one."""

    def log(self, message: str, attributes: dict[str, str] | None = None) -> None:
        self._line("info", message, attributes)

    def debug(self, message: str, attributes: dict[str, str] | None = None) -> None:
        self._line("debug", message, attributes)

    def info(self, message: str, attributes: dict[str, str] | None = None) -> None:
        self._line("info", message, attributes)

    def warning(self, message: str, attributes: dict[str, str] | None = None) -> None:
        self._line("warning", message, attributes)

    def error(self, message: str, attributes: dict[str, str] | None = None) -> None:
        self._line("error", message, attributes)
        raise SystemExit(1)

    def nested(
        self, message: str, attributes: dict[str, str] | None = None
    ) -> AbstractContextManager[None]:
        return engine.Scope(str(message), machine=_machine(attributes))

    def subtest(
        self, name: str, attributes: dict[str, str] | None = None
    ) -> AbstractContextManager[None]:
        from test_driver.logger.subtests import subtest

        return subtest(str(name), _machine(attributes), self.log_test_error)

    def log_test_error(self, message: str, attributes: dict[str, str] | None = None) -> None:
        engine.log_test_error(str(message))

    def log_serial(self, message: str, machine: str) -> None:
        engine.log_serial(machine, str(message))

    def print_serial_logs(self, enable: bool) -> None:
        engine.show_serial(bool(enable))

    def set_log_level(self, level: LogLevel | str) -> None:
        from test_driver.logger.level import LogLevel

        name = level.name if isinstance(level, LogLevel) else str(level)
        engine.set_log_level(getattr(engine.Level, name.lower()))

    def _line(self, level: str, message: str, attributes: dict[str, str] | None) -> None:
        engine.log_line(getattr(engine.Level, level), str(message), _machine(attributes))


class TerminalLogger(Logger):
    """The log as it was called up to 26.05, where the terminal was one reader of several."""


class XMLLogger(Logger):
    """The same for the file ``$LOGFILE``, which the driver makes itself."""

    def __init__(self, outfile: str | Path) -> None:
        _check_file(outfile, os.environ.get("LOGFILE"), "the variable LOGFILE names")


class JunitXMLLogger(Logger):
    """The same for the report of --junit-xml, which the driver makes itself."""

    def __init__(self, outfile: str | Path) -> None:
        _check_file(outfile, engine.options().junit_xml, "--junit-xml names")


class CompositeLogger(Logger):
    """The log as it was called in NixOS 26.05.

    All loggers write into the one log of the driver, so each line is there once.
    """

    def __init__(self, logger_list: Iterable[AbstractLogger] = ()) -> None:
        for logger in logger_list:
            self.add_logger(logger)

    def add_logger(self, logger: AbstractLogger) -> None:
        """ValueError for one that writes elsewhere."""
        if not isinstance(logger, Logger):
            raise ValueError(f"{type(logger).__name__} does not write into the driver's log")


rootlog = Logger()


def _check_file(wanted: str | Path, made: str | Path | None, reason: str) -> None:
    if made is None or os.path.abspath(wanted) != os.path.abspath(made):
        raise ValueError(f"the driver cannot write '{wanted}': it makes the file that {reason}")


def _machine(attributes: dict[str, str] | None) -> str:
    return (attributes or {}).get("machine", "")
