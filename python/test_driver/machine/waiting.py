"""Trying again until something holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from test_driver.duration import Duration, seconds
from test_driver.errors import RequestedAssertionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST_PAUSE = 0.01
LONGEST_PAUSE = 1.0


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
    pause = SHORTEST_PAUSE
    while limit is None or time.monotonic() - begin < limit:
        if fn(False):
            return
        left = pause if limit is None else begin + limit - time.monotonic()
        time.sleep(max(min(pause, left), 0))
        pause = min(pause * 1.5, LONGEST_PAUSE)
    if not fn(True):
        elapsed = time.monotonic() - begin
        raise RequestedAssertionFailed(
            f"action timed out after {elapsed:.2f} seconds (timeout={limit:g})"
        )
