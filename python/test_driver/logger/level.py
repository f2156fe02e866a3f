"""How much a remark in the log matters."""

from __future__ import annotations

from enum import IntEnum


class LogLevel(IntEnum):
    """Remarks below the level are not shown."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
