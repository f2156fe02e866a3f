"""Lengths of time, in the forms that scripts use."""

from __future__ import annotations

from datetime import timedelta
from typing import Union

# Seconds, or a timedelta. Wherever one may be None, that means no limit.
Duration = Union[timedelta, float, int]


def seconds(duration: Duration | None) -> float | None:
    """The duration in seconds; None stays None."""
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    return None if duration is None else float(duration)
