"""Show the log above the line that is being edited, without breaking that line."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

from test_driver._engine import engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 1 << 16
TRY_AGAIN = 0.05  # seconds until the next request, as an editor that is starting ignores them
GATHER = 0.02  # seconds between two updates, as each draws the edited line again
MOST = 1 << 22  # bytes to keep for an editor that is busy


class Pending:
    """The part of the log that has not been shown yet. Can be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._data = bytearray()
        self._cut = 0

    def add(self, data: bytes) -> None:
        """Keep ``data`` to be shown later; if there is too much, drop the oldest lines."""
        with self._lock:
            self._data += data
            if len(self._data) > 2 * MOST:
                end = self._data.find(b"\n", len(self._data) - MOST) + 1 or len(self._data) - MOST
                self._cut += end
                del self._data[:end]

    def __bool__(self) -> bool:
        return b"\n" in self._data

    def show(self, all_of_it: bool = False) -> None:
        """Write the complete lines, or all data, to standard error, and remove them from here."""
        with self._lock:
            end = len(self._data) if all_of_it else self._data.rfind(b"\n") + 1
            data = bytes(self._data[:end])
            del self._data[:end]
            if self._cut:
                data = f"({self._cut} bytes before this were not shown)\n".encode() + data
                self._cut = 0
            while data:
                data = data[os.write(2, data) :]


@contextlib.contextmanager
def log_above_line(ask: Callable[[Pending], None]) -> Iterator[None]:
    """While the context lasts, the log goes through the line editor.

    Another thread calls ``ask`` repeatedly while there are pending lines. ``ask`` should make the
    editor, in its own thread, hide its line, call Pending.show(), and draw its line again.
    """
    if not os.isatty(2):
        yield
        return
    pending = Pending()
    source, sink = os.pipe()
    reader = threading.Thread(target=_pass_on, args=(source, pending, ask), daemon=True)
    reader.start()
    engine.redirect_log(sink)
    try:
        yield
    finally:
        engine.redirect_log(-1)
        os.close(sink)
        reader.join()
        pending.show(all_of_it=True)


def _pass_on(source: int, pending: Pending, ask: Callable[[Pending], None]) -> None:
    with open(source, "rb", buffering=0) as pipe:
        while True:
            ready, _, _ = select.select([pipe], [], [], TRY_AGAIN if pending else None)
            if ready:
                data = pipe.read(CHUNK)
                if not data:
                    return
                pending.add(data)
            if pending:
                ask(pending)
                select.select([], [], [], GATHER)


@contextlib.contextmanager
def log_above_application(application: Any) -> Iterator[None]:
    """log_above_line() for an application of prompt_toolkit; also for what threads print."""
    run_in_terminal = import_module("prompt_toolkit.application").run_in_terminal
    patch_stdout = import_module("prompt_toolkit.patch_stdout").patch_stdout

    def show(pending: Pending) -> None:
        if pending:
            run_in_terminal(pending.show)

    def ask(pending: Pending) -> None:
        loop = application.loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(show, pending)

    sys.stdout.flush()
    try:
        with log_above_line(ask), patch_stdout(raw=True):
            yield
    finally:
        engine.hear_signals()  # the application has replaced our signal handlers
