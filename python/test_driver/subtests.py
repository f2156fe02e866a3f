"""The parts of a test."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from test_driver import script
from test_driver._engine import engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_driver.logger import Logger


@contextmanager
def subtest(logger: Logger, name: str, machine: str) -> Iterator[None]:
    """See AbstractLogger.subtest()."""
    with engine.Scope(name, machine=machine, subtest=True):
        try:
            yield
        except Exception as error:
            reason = f'Test "{name}" failed with error: "{script.message_of(error)}"'
            logger.log_test_error("\n".join([reason, *script.others_of(error)]))
            raise
