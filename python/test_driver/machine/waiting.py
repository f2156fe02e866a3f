"""Trying again until something holds."""

from __future__ import annotations

import time

from test_driver._engine import engine
from test_driver.duration import one_of, wait_limit
from test_driver.errors import MachineDied, RequestedAssertionFailed

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from test_driver.duration import Duration

    class Condition(Protocol):
        """A PollingCondition."""

        def maybe_raise(self) -> None: ...

SHORTEST_PAUSE = 0.01
LONGEST_PAUSE = 1.0
LATENESS = 0.01  # what a wait may be late by, as a part of how long it has taken

# Those whose ``with`` blocks are open. Waits check them meanwhile.
CONDITIONS_IN_FORCE: list[Condition] = []


def retry(
    fn: Callable[[bool], Any],
    timeout_seconds: Duration | None = None,
    timeout: Duration | None = None,
) -> None:
    """Call ``fn(False)`` until it returns something true.

    When ``timeout`` (of wall-clock time, 15 minutes if there is none; ``timeout_seconds`` is the
    older name) is over it is called once more, as ``fn(True)``. If that is not true either,
    RequestedAssertionFailed is raised. Tries come fast at first, later once a second. The limit is
    also that of machines' methods in ``fn``; the last try has a second.
    """
    limit = wait_limit(one_of(timeout_seconds=timeout_seconds, timeout=timeout))
    begin = time.monotonic()
    with engine.WaitLimit(limit) as wait:
        while wait.left() > 0:
            if _holds(fn, False, wait):
                return
            for condition in CONDITIONS_IN_FORCE:
                condition.maybe_raise()
            pause = LATENESS * (time.monotonic() - begin)
            time.sleep(min(max(SHORTEST_PAUSE, pause), LONGEST_PAUSE, wait.left()))
        wait.begin_last()
        if _holds(fn, True, wait):
            return
    elapsed = time.monotonic() - begin
    raise RequestedAssertionFailed(
        f"action timed out after {elapsed:.2f} seconds (timeout={limit:g})"
    )


def _holds(fn: Callable[[bool], Any], last: bool, wait: engine.WaitLimit) -> bool:
    """What ``fn`` says. An error that comes of the wait's limit says nothing."""
    try:
        return bool(fn(last))
    except MachineDied:
        raise
    except Exception:
        if wait.has_cut():
            return False
        raise
