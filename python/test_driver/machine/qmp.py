"""QEMU's machine protocol (QMP)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from test_driver.duration import EVENT_LIMIT, Duration, wait_limit
from test_driver.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_driver._engine import engine

# Seconds after its deadline in which wait_for_event() still reads events that arrived before. There
# is a limit, because events may arrive without end.
LATE = 1.0


class QMPAPIError(RuntimeError):
    """QEMU refused a QMP command.

    ``class_name`` is QEMU's error class such as ``CommandNotFound``, ``description`` its text.
    """

    def __init__(
        self, class_name: str, description: str, transaction_id: str | None = None
    ) -> None:
        super().__init__(f"<QMP error: {class_name}: {description}>")
        self.class_name = class_name
        self.description = description
        self.transaction_id = transaction_id


def _decoded(message: str) -> dict[str, Any]:
    """Parse a message. QEMU nests only a few levels, but answers to a script's own commands may nest
    too deep for Python's stack."""
    try:
        return dict(json.loads(message))
    except RecursionError:
        raise MachineError(
            "QMP: no room on Python's stack for a message with brackets in each other: "
            f"{message[:200]}..."
        ) from None


class QMPSession:
    """The QMP connection of a running machine (``machine.qmp_client``)."""

    def __init__(self, machine: engine.QemuMachine) -> None:
        self._machine = machine

    def send(self, cmd: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
        """Execute a command and return QEMU's whole answer, ``{"return": ...}``.

        ``args`` are its arguments. Raises QMPAPIError if QEMU refuses, MachineError if it has ended.
        """
        answer = _decoded(self._machine._qmp_send(cmd, json.dumps(args) if args else ""))
        answer.pop("id", None)
        return answer

    def events(self, timeout: Duration | None = 0) -> Iterator[dict[str, Any]]:
        """The events that have arrived and that no caller has taken yet.

        With ``timeout``, also waits that long for each further event.
        """
        while (event := self._machine._qmp_next_event(timeout)) is not None:
            yield _decoded(event)

    def wait_for_event(
        self,
        event_filter: Callable[[dict[str, Any]], Any] | Duration | None = None,
        timeout: Duration | None = EVENT_LIMIT,
    ) -> dict[str, Any]:
        """Wait for the first event for which ``event_filter(event)`` is true, and return it.

        Without a filter, any event counts, and the first argument may be the timeout. Drops the
        events before it. Raises TimeoutError after ``timeout``.
        """
        import time

        if event_filter is not None and not callable(event_filter):
            event_filter, timeout = None, event_filter
        limit = wait_limit(timeout, EVENT_LIMIT)
        end = time.monotonic() + limit
        while True:
            event = self._machine._qmp_next_event(max(end - time.monotonic(), 0))
            if event is None or time.monotonic() > end + LATE:
                raise TimeoutError(f"no such QMP event came within {limit:g} seconds")
            decoded = _decoded(event)
            if event_filter is None or event_filter(decoded):
                return decoded
