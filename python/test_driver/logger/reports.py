"""Send Python's own reports to the log: warnings, and exceptions in threads and finalizers.

Exception messages may contain output of a guest. The log escapes it; written directly to a
terminal, it could contain control sequences.
"""

from __future__ import annotations

import _thread
import sys
import warnings

from test_driver._engine import engine

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, TextIO


def install() -> None:
    """Install hooks in place of those that write to standard error. Scripts may replace them."""
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warning
    # threading takes its hook from there when it is imported, which few runs do.
    setattr(_thread, "_excepthook", _in_thread)
    if threading := sys.modules.get("threading"):
        threading.excepthook = _in_thread  # type: ignore[attr-defined]


def _warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if file is not None:
        file.write(warnings.formatwarning(message, category, filename, lineno, line))
        return
    warning = engine.Level.warning
    engine.log_line(warning, f"??? Warning ({category.__name__}): {message}")
    engine.log_line(warning, f'???   File "{filename}", line {lineno}')


def _in_thread(what: Any) -> None:
    """The hook for an exception that ended a thread."""
    if what.exc_type is not SystemExit:
        name = what.thread.name if what.thread is not None else _thread.get_ident()
        _report(f"Exception in thread {name}:", what.exc_type, what.exc_value, what.exc_traceback)


def _unraisable(what: Any) -> None:
    """The hook for an exception that nobody can catch, such as in __del__."""
    try:
        where = repr(what.object)
    except Exception:
        where = f"an object of {type(what.object)}"
    title = f"{what.err_msg or 'Exception ignored in'}: {where}"
    _report(title, what.exc_type, what.exc_value, what.exc_traceback)


def _report(
    title: str,
    kind: type[BaseException],
    error: BaseException | None,
    frames: TracebackType | None,
) -> None:
    import traceback

    lines = "".join(traceback.format_exception(kind, error, frames)).rstrip("\n")
    engine.log_line(engine.Level.error, f"{title}\n{lines}")
