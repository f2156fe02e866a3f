"""Subtests: the parts of a test."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import TYPE_CHECKING

from test_driver._engine import engine
from test_driver.errors import SubtestsFailed
from test_driver.logger.failure import describe_failure, in_short, message_of, others_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

MOST_SHORT_LINES = 10  # of a failure in the list at the end


class Subtest(ContextDecorator):
    """See AbstractLogger.subtest(). If the subtest fails, ``tell`` is called with the reason."""

    def __init__(self, name: str, machine: str, tell: Callable[[str], None]) -> None:
        self.name = name
        self._machine = machine
        self._tell = tell
        self._scope = engine.Scope(name, machine=machine, subtest=True)

    def _recreate_cm(self) -> Subtest:
        """One for each call of a function that this decorates."""
        return Subtest(self.name, self._machine, self._tell)

    def __enter__(self) -> None:
        if run := Run.current:
            run.begun.append(self.name)
        self._scope.__enter__()

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, Exception):
            reason = f'Test "{self.name}" failed with error: "{message_of(error)}"'
            self._tell("\n".join([reason, *others_of(error)]))
        self._scope.__exit__(exception_type, error, traceback)
        run = Run.current
        if run is None or not run.keeps_going or not isinstance(error, Exception):
            return False
        run.add_failure(self.name, error, self._tell)
        return True


class Run:
    """A run of the script with --keep-going; as a context manager, around that run."""

    current: Run | None = None

    def __init__(self, source: str, stop: Callable[[BaseException], None]) -> None:
        """``stop`` is called with the exception of each failed subtest, for a debugger."""
        self.keeps_going = engine.options().keep_going
        self.begun: list[str] = []
        self._failed: list[str] = []
        self._source = source
        self._stop = stop

    def add_failure(self, name: str, error: Exception, tell: Callable[[str], None]) -> None:
        tell(describe_failure(error, self._source))
        first, *rest = in_short(error).split("\n")
        if len(rest) >= MOST_SHORT_LINES:
            rest[MOST_SHORT_LINES - 1 :] = ["..."]
        self._failed.append("\n  ".join([f'subtest "{name}" failed: {first}', *rest]))
        self._stop(error)

    def __enter__(self) -> None:
        Run.current = self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise an exception if subtests have failed and there is none yet."""
        Run.current = None
        if not self._failed:
            return
        count = f"{len(self._failed)} of {len(self.begun)} subtests failed"
        summary = "\n".join([*self._failed, count])
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            raise SubtestsFailed(summary) from None
        error.add_note(summary)
