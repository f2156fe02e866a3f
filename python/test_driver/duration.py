"""Durations: timedeltas, and numbers of seconds."""

from __future__ import annotations

from test_driver._engine import engine

TYPE_CHECKING = False  # see __init__.py
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any, Union

    # A timedelta, or a number of seconds.
    Duration = Union[timedelta, float, int]


def __getattr__(name: str) -> Any:
    """Define Duration on first use at run time: most runs need not import datetime."""
    if name != "Duration":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from datetime import timedelta
    from typing import Union

    return Union[timedelta, float, int]


class Seconds(float):
    """A number of seconds that is a default of the driver, or a result of seconds().

    Unlike a bare number, it causes no deprecation warning.
    """

    def __repr__(self) -> str:
        return f"{float(self):g}"


DEFAULT_LIMIT = Seconds(900)
EVENT_LIMIT = Seconds(600)  # of a wait for a QMP event
KEY_DELAY = Seconds(0.01)  # after each key


def as_timedelta(duration: Duration) -> timedelta:
    """Convert a duration to a timedelta. Raises TypeError for other types."""
    from datetime import timedelta

    return duration if isinstance(duration, timedelta) else timedelta(seconds=_number(duration))


def as_seconds(duration: Duration) -> float:
    """Convert a duration to a number of seconds. Raises TypeError for other types."""
    return _number(duration)


def seconds(duration: Duration | None, method: str = "") -> Seconds | None:
    """Convert a duration given by a script to seconds; None stays None.

    In releases from 26.05 on, a bare number causes a deprecation warning. It names the function that
    the script has called, or ``method``, if that is one of the engine.
    """
    if duration is None or isinstance(duration, Seconds):
        return duration
    if isinstance(duration, (int, float)) and engine.warns_of_old_forms():
        _warn_of_bare_number(method)
    return Seconds(_number(duration))


def wait_limit(timeout: Duration | None, otherwise: Seconds = DEFAULT_LIMIT) -> Seconds:
    """The time limit of a wait in seconds; ``otherwise`` if the script gave None."""
    limit = seconds(timeout)
    return otherwise if limit is None else limit


def one_of(**spellings: Duration | None) -> Duration | None:
    """The value of a parameter with several names. Raises TypeError if more than one is given."""
    given = [name for name, value in spellings.items() if value is not None]
    if len(given) > 1:
        raise TypeError(f"give {' or '.join(given)}, not both")
    return spellings[given[0]] if given else None


def _number(duration: Duration) -> float:
    if hasattr(duration, "total_seconds"):
        return duration.total_seconds()
    if isinstance(duration, bool) or not isinstance(duration, (int, float)):
        kind = type(duration).__name__
        raise TypeError(f"a duration is a timedelta or a number of seconds, not a {kind}")
    if duration != duration:
        raise ValueError("a duration must not be nan")
    return float(duration)


def _warn_of_bare_number(name: str) -> None:
    import sys
    import warnings

    level, frame = 3, sys._getframe(2)  # the caller of seconds(), which may be the script
    while frame.f_back and str(frame.f_globals.get("__name__")).startswith("test_driver."):
        name, level, frame = frame.f_code.co_name, level + 1, frame.f_back
    warnings.warn(
        f"{name}(): a bare number as a duration is deprecated, give a datetime.timedelta",
        stacklevel=level,
    )
