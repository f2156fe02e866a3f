"""Retries until a condition is true."""

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
LATENESS = 0.01  # the fraction of its duration by which a wait may be late

# Conditions with an open ``with`` block. Waits check them.
CONDITIONS_IN_FORCE: list[Condition] = []


def retry(
    fn: Callable[[bool], Any],
    timeout_seconds: Duration | None = None,
    timeout: Duration | None = None,
) -> None:
    """Call ``fn(False)`` until it returns something true.

    ``timeout`` is wall-clock time, 15 minutes by default; ``timeout_seconds`` is its older name.
    After it, one last call is ``fn(True)``. If that is not true either, raises
    RequestedAssertionFailed. The first calls come in quick succession, later ones once a second.
    The time limit also applies to machines' methods in ``fn``; the last call has one second.
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
    """The result of ``fn`` as a bool. False if the time limit of the wait made it fail."""
    try:
        return bool(fn(last))
    except MachineDied:
        raise
    except Exception:
        if wait.has_cut():
            return False
        raise
