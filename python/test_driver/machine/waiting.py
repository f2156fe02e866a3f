"""Trying again until something holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from test_driver.duration import seconds
from test_driver.errors import RequestedAssertionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_driver.duration import Duration

SHORTEST_PAUSE = 0.01
LONGEST_PAUSE = 1.0
LATENESS = 0.01  # what a wait may be late by, as a part of how long it has taken


def retry(
    fn: Callable[[bool], Any],
    timeout: Duration | None = 900,
    timeout_seconds: Duration | None = None,
) -> None:
    """Call ``fn(False)`` until it returns something true.

    When ``timeout`` (seconds or timedelta of wall-clock time, None for no limit; ``timeout_seconds``
    is another name) is over it is called once more, as ``fn(True)``. If that is not true either,
    RequestedAssertionFailed is raised. Tries come fast at first, later once a second.
    """
    limit = seconds(timeout if timeout_seconds is None else timeout_seconds)
    begin = time.monotonic()
    while limit is None or time.monotonic() - begin < limit:
        if fn(False):
            return
        elapsed = time.monotonic() - begin
        pause = min(max(SHORTEST_PAUSE, LATENESS * elapsed), LONGEST_PAUSE)
        time.sleep(pause if limit is None else max(min(pause, limit - elapsed), 0))
    if not fn(True):
        elapsed = time.monotonic() - begin
        raise RequestedAssertionFailed(
            f"action timed out after {elapsed:.2f} seconds (timeout={limit:g})"
        )
