"""The test log, as scripts use it."""

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
    """Import LogLevel on first use: few runs need it."""
    if name != "LogLevel":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from test_driver.logger.level import LogLevel

    return LogLevel


class AbstractLogger(ABC):
    """The interface of ``log``, the test log."""

    @abstractmethod
    def log(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """Log a message at level info; ``attributes["machine"]`` names the machine it is about."""

    @abstractmethod
    def debug(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """Log a message at level debug; it is shown with ``--log-level debug``."""

    @abstractmethod
    def info(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """Log a message at level info."""

    @abstractmethod
    def warning(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """Log a message at level warning."""

    @abstractmethod
    def error(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """Log a message at level error, and end the test with status 1 (raises SystemExit)."""

    @abstractmethod
    def nested(
        self, message: str, attributes: dict[str, str] | None = None
    ) -> AbstractContextManager[None]:
        """Return a context manager that groups what is logged in it under ``message``."""

    @abstractmethod
    def subtest(
        self, name: str, attributes: dict[str, str] | None = None
    ) -> AbstractContextManager[None]:
        """Return a context manager for a part of the test, which is a test case in reports."""

    @abstractmethod
    def log_test_error(self, message: str, attributes: dict[str, str] | None = None) -> None:
        """Log why the test failed; shown at every log level."""

    @abstractmethod
    def log_serial(self, message: str, machine: str) -> None:
        """Log a line as if it came from the machine's serial console."""

    @abstractmethod
    def print_serial_logs(self, enable: bool) -> None:
        """Show or hide the machines' serial consoles in the terminal."""

    @abstractmethod
    def set_log_level(self, level: LogLevel | str) -> None:
        """Set the lowest level of messages to show in the terminal."""


class Logger(AbstractLogger):
    """Writes into the driver's log. There is only one log: all loggers write into it."""

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
        from test_driver.logger.subtests import Subtest

        return Subtest(str(name), _machine(attributes), self.log_test_error)

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
    """A name for the log from releases up to 26.05, which had one logger per output."""


class XMLLogger(Logger):
    """The same for the file ``$LOGFILE``, which the driver itself writes."""

    def __init__(self, outfile: str | Path) -> None:
        _check_file(outfile, os.environ.get("LOGFILE"), "the variable LOGFILE names")


class JunitXMLLogger(Logger):
    """The same for the report of --junit-xml, which the driver itself writes."""

    def __init__(self, outfile: str | Path) -> None:
        _check_file(outfile, engine.options().junit_xml, "--junit-xml names")


class CompositeLogger(Logger):
    """A name for the log from NixOS 26.05, where it combined several loggers.

    Here all loggers write into the driver's one log, so each message appears only once.
    """

    def __init__(self, logger_list: Iterable[AbstractLogger] = ()) -> None:
        for logger in logger_list:
            self.add_logger(logger)

    def add_logger(self, logger: AbstractLogger) -> None:
        """Accept a logger. Raises ValueError if it does not write into the driver's log."""
        if not isinstance(logger, Logger):
            raise ValueError(f"{type(logger).__name__} does not write into the driver's log")


rootlog = Logger()


def _check_file(wanted: str | Path, made: str | Path | None, reason: str) -> None:
    if made is None or os.path.abspath(wanted) != os.path.abspath(made):
        raise ValueError(f"the driver cannot write '{wanted}': it makes the file that {reason}")


def _machine(attributes: dict[str, str] | None) -> str:
    return (attributes or {}).get("machine", "")
