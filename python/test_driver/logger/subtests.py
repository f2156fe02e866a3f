"""Subtests: the parts of a test."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import TYPE_CHECKING

from test_driver._engine import engine
from test_driver.errors import NoSuchSubtest, SubtestsFailed
from test_driver.logger.failure import describe_failure, in_short, message_of, others_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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
            run.begin(self.name)
        self._scope.__enter__()

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        try:
            if isinstance(error, Exception):
                reason = f'Test "{self.name}" failed with error: "{message_of(error)}"'
                self._tell("\n".join([reason, *others_of(error)]))
        finally:
            self._scope.__exit__(exception_type, error, traceback)
        return Run.current is not None and Run.current.end(self.name, error, self._tell)


class Run:
    """A run of the script with --keep-going or --subtest; as a context manager, around that run."""

    current: Run | None = None

    def __init__(self, source: str, stop: Callable[[BaseException], None]) -> None:
        """``stop`` is called with the exception of each failed subtest, for a debugger."""
        self._begun: list[str] = []
        self._skipped: list[str] = []
        self._selected = 0  # how many that --subtest selects have begun
        self._open = 0  # how many of these have not ended yet
        self._failed: list[str] = []
        self._source = source
        self._stop = stop

    def begin(self, name: str) -> None:
        self._begun.append(name)
        if is_selected(name):
            self._selected += 1
            self._open += 1

    def end(self, name: str, error: BaseException | None, tell: Callable[[str], None]) -> bool:
        """Note the end of a subtest; return whether the script goes on after a failure."""
        if is_selected(name):
            self._open -= 1
        if not engine.options().keep_going or not isinstance(error, Exception):
            return False
        self._add_failure(name, error, tell)
        return True

    def is_in_selected(self) -> bool:
        return self._open > 0

    def skip(self, name: str) -> None:
        self._skipped.append(name)
        engine.log_skipped(name)

    def _add_failure(self, name: str, error: Exception, tell: Callable[[str], None]) -> None:
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
        """Raise an exception if there is none, but subtests have failed, or none was selected."""
        Run.current = None
        passes = error is None or (isinstance(error, SystemExit) and error.code in (None, 0))
        if self._failed:
            count = f"{len(self._failed)} of {len(self._begun)} subtests failed"
            summary = "\n".join([*self._failed, count])
            if passes:
                raise SubtestsFailed(summary) from None
            assert error is not None
            error.add_note(summary)
        elif passes and self._selected == 0 and engine.options().subtests:
            raise NoSuchSubtest(none_selected([*self._begun, *self._skipped])) from None


# ------------------------------------------------------------------------------ --subtest


def is_selected(name: str) -> bool:
    """Whether a pattern of --subtest matches the name."""
    from fnmatch import fnmatchcase  # few runs need it

    return any(fnmatchcase(name, pattern) for pattern in engine.options().subtests)


def none_selected(names: Iterable[str]) -> str:
    """The message of NoSuchSubtest, with the subtests that there are."""
    patterns = " or ".join(map(repr, engine.options().subtests))
    known = ", ".join(map(repr, dict.fromkeys(names)))
    return f"no subtest matches {patterns}; the test script has {known or 'none'}"
