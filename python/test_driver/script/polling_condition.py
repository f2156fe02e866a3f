"""Polling conditions: functions that a test waits for, or that must stay true during a block."""

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
    """A polling condition was false, or raised an exception, while it was in force."""


class PollingCondition:
    """A function that is called repeatedly: to wait until it is true, or to require that it is.

    The condition holds if the function returns a true value or None, and fails if it returns
    another value or raises an exception. It is called at most once per ``seconds_interval`` seconds
    (or ``interval``, a timedelta). ``description`` defaults to the function's docstring or name.
    """

    condition: Callable[[], Any]
    """The function."""
    logger: AbstractLogger
    """The test log."""
    seconds_interval: float
    """The shortest time between two calls of the function, in seconds."""
    description: str
    """The condition's name in the log."""
    last_called: float
    """The time of the last call, in seconds of time.monotonic()."""
    entry_count: int
    """The number of open ``with`` blocks of this condition."""

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
        self._checking = False  # prevents recursion: the function may use machines

    def check(self, force: bool = False) -> bool:
        """Call the function if it is overdue (or with ``force``).

        Returns whether the condition holds, or True if the function was not called. Raises
        PollingConditionError if the function raises an exception.
        """
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
        """``seconds_interval`` as a timedelta; can be assigned."""
        return as_timedelta(self.seconds_interval)

    @interval.setter
    def interval(self, value: Duration) -> None:
        self.seconds_interval = interval_of(None, value)

    def wait(
        self, timeout_seconds: Duration | None = None, timeout: Duration | None = None
    ) -> None:
        """Wait until the condition holds.

        Raises RequestedAssertionFailed after ``timeout`` (default: 15 minutes). ``timeout_seconds``
        is the older name of that parameter.
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
                # We do not know what the function looks at, so we can only poll.
                pause = max(self.seconds_interval, SHORTEST_PAUSE)
                time.sleep(min(pause, wait.left()))

    def _holds(self) -> bool:
        try:
            return self.check(force=True)
        except PollingConditionError:
            return False

    def status_message(self, status: bool) -> str:
        """The message for the log that the condition holds (``status``) or has failed."""
        return f"Polling condition {'succeeded' if status else 'failed'}: {self.description}"

    @property
    def overdue(self) -> bool:
        """Whether the interval since the last call has passed."""
        return self.last_called + self.seconds_interval < time.monotonic()

    @property
    def entered(self) -> bool:
        """Whether a ``with`` block of this condition is open."""
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
    """The seconds between two calls of a condition, from either parameter; 2 by default."""
    chosen = seconds(one_of(seconds_interval=seconds_interval, interval=interval))
    return Seconds(2) if chosen is None else chosen


def _description_of(condition: Callable[[], Any]) -> str:
    text = getattr(condition, "__doc__", None) or getattr(condition, "__name__", "condition")
    return " ".join(str(text).split())
