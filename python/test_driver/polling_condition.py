"""Conditions that have to hold while other things happen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from test_driver.duration import Duration, seconds
from test_driver.errors import RequestedAssertionFailed
from test_driver.logger import Logger
from test_driver.machine.waiting import SHORTEST_PAUSE

if TYPE_CHECKING:
    from collections.abc import Callable

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
        if seconds_interval is not None and interval is not None:
            raise TypeError("polling_condition: give seconds_interval or interval, not both")
        chosen = seconds_interval if interval is None else interval
        self.condition = condition
        self.logger = logger or Logger()
        self.seconds_interval = 2.0 if chosen is None else seconds(chosen) or 0.0
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
            reason = f"{type(error).__name__}: {error}"
            raise PollingConditionError(self.status_message(False) + f" ({reason})") from error
        finally:
            self._checking = False
            self.last_called = time.monotonic()
        return result is None or bool(result)

    def maybe_raise(self) -> None:
        """Raise PollingConditionError if the condition does not hold."""
        if not self.check():
            raise PollingConditionError(self.status_message(False))

    def wait(self, timeout: Duration | None = 900) -> None:
        """Block until the condition holds; RequestedAssertionFailed after ``timeout``."""
        limit = seconds(timeout)
        begin = time.monotonic()
        with self.logger.nested(f"Waiting for polling condition: {self.description}"):
            while not self._holds():
                elapsed = time.monotonic() - begin
                if limit is not None and elapsed >= limit:
                    raise RequestedAssertionFailed(
                        f"action timed out after {elapsed:.2f} seconds (timeout={limit:g}): "
                        f"{self.description}"
                    )
                pause = max(self.seconds_interval, SHORTEST_PAUSE)
                time.sleep(pause if limit is None else min(pause, limit - elapsed))

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
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        self.entry_count -= 1
        if exc_type is None:
            self.last_called = float("-inf")
            self.maybe_raise()


def _description_of(condition: Callable[[], Any]) -> str:
    text = getattr(condition, "__doc__", None) or getattr(condition, "__name__", "condition")
    return " ".join(str(text).split())
