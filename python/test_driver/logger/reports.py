"""What Python itself reports of a script's threads and objects: it goes into the log.

Its words may be a guest's, in the message of an exception; the log knows what to do with those, a
terminal does not.
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
    """Replace what Python would write to standard error, unless the script has it otherwise."""
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warning
    # The module threading takes its hook from there; few runs need it.
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
    """An exception has ended a thread."""
    if what.exc_type is not SystemExit:
        name = what.thread.name if what.thread is not None else _thread.get_ident()
        _report(f"Exception in thread {name}:", what.exc_type, what.exc_value, what.exc_traceback)


def _unraisable(what: Any) -> None:
    """An exception has come where nobody can catch it, such as in __del__."""
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
