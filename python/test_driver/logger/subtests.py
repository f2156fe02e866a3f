"""Subtests: the parts of a test."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from test_driver._engine import engine
from test_driver.logger.failure import message_of, others_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def subtest(name: str, machine: str, tell: Callable[[str], None]) -> Iterator[None]:
    """See AbstractLogger.subtest(). If the subtest fails, ``tell`` is called with the reason."""
    with engine.Scope(name, machine=machine, subtest=True):
        try:
            yield
        except Exception as error:
            reason = f'Test "{name}" failed with error: "{message_of(error)}"'
            tell("\n".join([reason, *others_of(error)]))
            raise
