"""QEMU's machine protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from test_driver.duration import Duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_driver.machine.qemu import QemuMachine


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


class QMPSession:
    """The QMP connection of a running machine (``machine.qmp_client``)."""

    def __init__(self, machine: QemuMachine) -> None:
        self._machine = machine

    def send(self, cmd: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
        """Execute a command and return QEMU's whole answer, ``{"return": ...}``.

        ``args`` are its arguments. Raises QMPAPIError if QEMU refuses, MachineError if it has ended.
        """
        answer = json.loads(self._machine._qmp_send(cmd, json.dumps(args) if args else ""))
        answer.pop("id", None)
        return dict(answer)

    def events(self, timeout: Duration | None = 0) -> Iterator[dict[str, Any]]:
        """The events that have come in and were not yet asked for.

        With ``timeout`` it also waits that long for each further one.
        """
        while (event := self._machine._qmp_next_event(timeout)) is not None:
            yield json.loads(event)

    def wait_for_event(
        self, event_filter: Callable[[dict[str, Any]], Any], timeout: Duration | None = 600
    ) -> dict[str, Any]:
        """Wait for the first event for which ``event_filter(event)`` is true, and return it.

        Those before it are dropped. Raises TimeoutError after ``timeout``.
        """
        import time

        from test_driver.duration import seconds

        limit = seconds(timeout)
        end = None if limit is None else time.monotonic() + limit
        while True:
            left = None if end is None else max(end - time.monotonic(), 0)
            event = self._machine._qmp_next_event(left)
            if event is None:
                raise TimeoutError(f"no such QMP event came within {limit:g} seconds")
            decoded = json.loads(event)
            if event_filter(decoded):
                return dict(decoded)
