"""After the test: guests write their cached data to their disks.

The verdict is known by then. No machine can change it, or delay it for long.
"""

from __future__ import annotations

import _thread
import time

from test_driver.logger.failure import message_of

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_driver.logger import AbstractLogger
    from test_driver.machine.base import BaseMachine

MOST = 5.0  # seconds for all machines together


class _Sync:
    """Runs ``sync`` in one machine, in a thread. A thread that takes too long is abandoned; it ends
    with the machine."""

    def __init__(self, machine: BaseMachine) -> None:
        self.machine = machine
        self.failure = ""
        self._ended = _thread.allocate_lock()
        self._ended.acquire()
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        try:
            status, _ = self.machine.execute("sync")
            self.failure = f"exit code {status}" if status != 0 else ""
        except BaseException as error:
            self.failure = message_of(error) or type(error).__name__
        finally:
            self._ended.release()

    def why_not(self, deadline: float) -> str:
        """The reason why ``sync`` has not succeeded by the deadline; empty if it has."""
        if self._ended.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return self.failure
        return f"no answer within {MOST:g} s"


def sync(machines: Iterable[BaseMachine], logger: AbstractLogger) -> None:
    """Run ``sync`` in all machines that are up, at the same time."""
    deadline = time.monotonic() + MOST
    for each in [_Sync(machine) for machine in machines if machine.is_up()]:
        if failure := each.why_not(deadline):
            name = each.machine.name
            logger.warning(f"no `sync` after the test: {failure}", {"machine": name})
