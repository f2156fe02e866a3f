"""Conditions that have to hold while other things happen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from test_driver._engine import engine
from test_driver.duration import Duration, Seconds, as_timedelta, one_of, seconds, wait_limit
from test_driver.errors import RequestedAssertionFailed
from test_driver.logger import Logger
from test_driver.logger.failure import message_of
from test_driver.machine.waiting import CONDITIONS_IN_FORCE, SHORTEST_PAUSE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from test_driver.logger import AbstractLogger


class PollingConditionError(RequestedAssertionFailed):
    """A condition did not hold while it was in force."""


class PollingCondition:
    """A function that is called again and again: to wait for it, or to require it.

    ``condition`` is true, or returns None, where all is well; it may also raise. It is called at
    most once in ``seconds_interval`` (or ``interval``, a timedelta). The description is the given
    one, else the function's docstring, else the function's name.
    """

    condition: Callable[[], Any]
    """The function."""
    logger: AbstractLogger
    """The test log."""
    seconds_interval: float
    """At most once in so many seconds is the function called."""
    description: str
    """What it is called in the log."""
    last_called: float
    """When it was called, as time.monotonic() has it."""
    entry_count: int
    """How many ``with`` blocks of it are open."""

    def __init__(
        self,
        condition: Callable[[], Any],
        logger: AbstractLogger | None = None,
        seconds_interval: float | None = None,
        description: str | None = None,
        interval: Duration | None = None,
    ) -> None:
        self.condition = condition
        self.logger = logger or Logger()
        self.seconds_interval = interval_of(seconds_interval, interval)
        self.description = description or _description_of(condition)
        self.last_called = float("-inf")
        self.entry_count = 0
        self._checking = False  # its own calls of machines must not check it again

    def check(self, force: bool = False) -> bool:
        """Call the condition if its time has come; whether it holds. True if it was not called."""
        if self._checking or not (force or self.overdue):
            return True
        self._checking = True
        try:
            with self.logger.nested(f"Checking polling condition: {self.description}"):
                result = self.condition()
        except Exception as error:
            reason = f"{type(error).__name__}: {message_of(error)}"
            raise PollingConditionError(self.status_message(False) + f" ({reason})") from error
        finally:
            self._checking = False
            self.last_called = time.monotonic()
        return result is None or bool(result)

    def maybe_raise(self) -> None:
        """Raise PollingConditionError if the condition does not hold."""
        if not self.check():
            raise PollingConditionError(self.status_message(False))

    @property
    def interval(self) -> timedelta:
        """The same as a timedelta; may be assigned."""
        return as_timedelta(self.seconds_interval)

    @interval.setter
    def interval(self, value: Duration) -> None:
        self.seconds_interval = interval_of(None, value)

    def wait(
        self, timeout_seconds: Duration | None = None, timeout: Duration | None = None
    ) -> None:
        """Block until the condition holds; RequestedAssertionFailed after ``timeout``.

        That is 15 minutes if there is none; ``timeout_seconds`` is the older name.
        """
        limit = wait_limit(one_of(timeout_seconds=timeout_seconds, timeout=timeout))
        begin = time.monotonic()
        waiting = self.logger.nested(f"Waiting for polling condition: {self.description}")
        with waiting, engine.WaitLimit(limit) as wait:
            while not self._holds():
                elapsed = time.monotonic() - begin
                if wait.left() == 0:
                    raise RequestedAssertionFailed(
                        f"action timed out after {elapsed:.2f} seconds (timeout={limit:g}): "
                        f"{self.description}"
                    )
                # Only the caller knows what the function looks at: nothing tells of a change.
                pause = max(self.seconds_interval, SHORTEST_PAUSE)
                time.sleep(min(pause, wait.left()))

    def _holds(self) -> bool:
        try:
            return self.check(force=True)
        except PollingConditionError:
            return False

    def status_message(self, status: bool) -> str:
        """The sentence for the log that the condition holds, or does not."""
        return f"Polling condition {'succeeded' if status else 'failed'}: {self.description}"

    @property
    def overdue(self) -> bool:
        """Whether the time for another call has come."""
        return self.last_called + self.seconds_interval < time.monotonic()

    @property
    def entered(self) -> bool:
        """Whether a ``with`` block of it is open."""
        return self.entry_count > 0

    def __enter__(self) -> PollingCondition:
        self.entry_count += 1
        CONDITIONS_IN_FORCE.append(self)
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        self.entry_count -= 1
        CONDITIONS_IN_FORCE.remove(self)
        if exc_type is None:
            self.last_called = float("-inf")
            self.maybe_raise()


def interval_of(seconds_interval: Duration | None, interval: Duration | None) -> Seconds:
    """How long there is between two calls of a condition."""
    chosen = seconds(one_of(seconds_interval=seconds_interval, interval=interval))
    return Seconds(2) if chosen is None else chosen


def _description_of(condition: Callable[[], Any]) -> str:
    text = getattr(condition, "__doc__", None) or getattr(condition, "__name__", "condition")
    return " ".join(str(text).split())
