"""After the test: what guests have written goes to their disks.

The verdict is known by then. Nothing that a machine does or fails to do changes it, or holds it up
for long.
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
    """``sync`` in one machine, in a thread, which is left alone when it takes too long: it ends
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
        """Why it has not been done by then; nothing if it has."""
        if self._ended.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return self.failure
        return f"no answer within {MOST:g} s"


def sync(machines: Iterable[BaseMachine], logger: AbstractLogger) -> None:
    """Have the machines that are up write their disks, all at the same time."""
    deadline = time.monotonic() + MOST
    for each in [_Sync(machine) for machine in machines if machine.is_up()]:
        if failure := each.why_not(deadline):
            name = each.machine.name
            logger.warning(f"no `sync` after the test: {failure}", {"machine": name})
