"""The serial console of a QEMU machine: its lines, and waits for text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from test_driver.duration import Duration
from test_driver.errors import RequestedAssertionFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from test_driver._engine import engine


class ConsoleQueue:
    """The console lines that no wait has consumed yet, with the interface of queue.Queue."""

    def __init__(self, machine: engine.QemuMachine) -> None:
        self._machine = machine

    def get(self, block: bool = True, timeout: Duration | None = None) -> str:
        """The next line; raises queue.Empty if none is there (``block=False``) or comes in time."""
        import queue

        line = self._machine._console_next_line(timeout if block else 0)
        if line is None:
            raise queue.Empty
        return line

    def get_nowait(self) -> str:
        """The next line; raises queue.Empty if there is none."""
        return self.get(block=False)

    def qsize(self) -> int:
        """The number of lines."""
        return self._machine._console_pending_lines()

    def empty(self) -> bool:
        """Whether there is no line."""
        return self.qsize() == 0


class ConsoleReader:
    """The reader of the serial console, with the interface of threading.Thread."""

    def __init__(self, machine: engine.QemuMachine) -> None:
        self._machine = machine

    def is_alive(self) -> bool:
        """Whether more output may come."""
        return not self._machine._console_closed()

    def join(self, timeout: Duration | None = None) -> None:
        """Wait until the console has been read to its end."""
        self._machine._console_wait_closed(timeout)


class Machine(Protocol):
    """The part of QemuMachine that waits need."""

    def nested(self, msg: str) -> AbstractContextManager[None]: ...
    def _console_wait_for(
        self, look: Callable[[str], int | None], within_lines: bool, timeout: Duration | None, /
    ) -> bool: ...
    def _last_output(self) -> str: ...


def wait_for_text(machine: Machine, regex: str | re.Pattern[str], limit: float | None) -> None:
    """See QemuMachine.wait_for_console_text()."""
    pattern = re.compile(regex)

    def end_of_match(text: str) -> int | None:
        match = pattern.search(text)
        return match.end() if match else None

    shown = pattern.pattern
    with machine.nested(f"waiting for {shown} to appear on console"):
        within_lines = matches_within_lines(pattern)
        if not machine._console_wait_for(end_of_match, within_lines, limit):
            raise RequestedAssertionFailed(
                f"action timed out: '{shown}' did not appear on the console (timeout={limit}); "
                f"{machine._last_output()}"
            )


def matches_within_lines(pattern: re.Pattern[str]) -> bool:
    """Whether each match of the pattern lies within one line and does not depend on other lines.

    False if in doubt: then each new line makes us search the whole text again.
    """
    if pattern.flags & (re.DOTALL | re.MULTILINE | re.VERBOSE):
        return False
    doubtful = r"\\[^dwSb.*+?(){}|/\[\]_-]|\[\^|\[[^]]*[\x00-\x1f]|\(\?(?!:)|[\^$\n]"
    return re.search(doubtful, pattern.pattern) is None
