"""Machines under test, and what waits for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import _ntd

from test_driver.errors import RequestedAssertionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta


def _seconds(duration: float | timedelta | None) -> float | None:
    if duration is None:
        return None
    if hasattr(duration, "total_seconds"):
        return duration.total_seconds()
    return float(duration)


def retry(
    fn: Callable[[bool], Any],
    timeout: float | timedelta | None = 900,
    *,
    timeout_seconds: float | timedelta | None = None,
) -> None:
    """Call ``fn(False)`` until it returns something true.

    After ``timeout`` (seconds or timedelta of wall-clock time, None for no limit) it is called once
    more, as ``fn(True)``; if that is not true either, RequestedAssertionFailed is raised.
    """
    limit = _seconds(timeout if timeout_seconds is None else timeout_seconds)
    begin = time.monotonic()
    pause = 0.01
    while limit is None or time.monotonic() - begin < limit:
        if fn(False):
            return
        rest = pause if limit is None else min(pause, begin + limit - time.monotonic())
        time.sleep(max(rest, 0))
        pause = min(pause * 1.5, 1)
    if not fn(True):
        elapsed = time.monotonic() - begin
        raise RequestedAssertionFailed(
            f"action timed out after {elapsed:.2f} seconds (timeout={limit})"
        )


class QemuMachine(_ntd.QemuMachine):
    """A QEMU virtual machine."""

    def __init__(
        self,
        start_command: str,
        *,
        name: str,
        out_dir: Any,
        tmp_dir: Any,
        callbacks: Iterable[Callable[[], Any]] = (),
        keep_machine_state: bool = False,
    ) -> None:
        super().__init__(start_command, name, out_dir, tmp_dir, keep_machine_state)
        self.callbacks = list(callbacks)
        self.set_before_command(self.run_callbacks)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.name}'>"

    def run_callbacks(self) -> None:
        """Check the polling conditions that are in force."""
        for callback in self.callbacks:
            callback()

    def nested(self, msg: str) -> _ntd.Scope:
        """A context manager that groups the log lines of what happens in it under ``msg``."""
        return _ntd.Scope(str(msg), machine=self.name)


BaseMachine = _ntd.BaseMachine
Machine = QemuMachine
