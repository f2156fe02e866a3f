"""The levels of log messages."""

from __future__ import annotations

from enum import IntEnum


class LogLevel(IntEnum):
    """The level of a log message. Messages below the chosen level are not shown."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
