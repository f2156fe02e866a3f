"""Lengths of time, in the forms that scripts use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from datetime import timedelta

    # Seconds, or a timedelta. Wherever one may be None, that means no limit.
    Duration = Union[timedelta, float, int]


def __getattr__(name: str) -> Any:
    """The type for who asks for it at run time: a test run does without datetime."""
    if name != "Duration":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from datetime import timedelta

    return Union[timedelta, float, int]


def seconds(duration: Duration | None) -> float | None:
    """The duration in seconds; None stays None."""
    if duration is None:
        return None
    if hasattr(duration, "total_seconds"):
        return duration.total_seconds()
    return float(duration)
