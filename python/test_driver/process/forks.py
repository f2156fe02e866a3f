"""Forks that the script makes: os.fork(), multiprocessing, a preexec_fn of subprocess.

A fork is a bystander: it cannot use machines or networks, and it exits like any Python program,
without the driver's cleanup.
"""

from __future__ import annotations

import os
import sys

from test_driver._engine import engine
from test_driver.process import status_of

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, NoReturn

# The parts of the engine that a fork may use: they only return values or write to standard error.
HARMLESS = {
    "is_fork",
    "options",
    "machine_name",
    "python_name",
    "log_line",
    "log_serial",
    "log_test_error",
    "guard_unfinished",
    "forget_unfinished",
    "compile_script",
    "Scope",
}


def install() -> None:
    """Make all later forks by Python code bystanders."""
    os.register_at_fork(after_in_child=_become_bystander)


def _become_bystander() -> None:
    engine.keep_all_objects()
    for name, value in list(vars(engine).items()):
        if name in HARMLESS or name.startswith("__"):
            continue
        if isinstance(value, type):
            _disarm(value)
        elif callable(value):
            setattr(engine, name, _refusal(name))
    setattr(engine.Method, "__call__", _refuse_method)


def _disarm(kind: type) -> None:
    """Make the methods of an engine class raise RuntimeError; attributes can still be read.

    Otherwise a method could wait for a lock, or for a thread that does not exist in the fork.
    """
    for name, value in list(vars(kind).items()):
        if name == "__init__" or (callable(value) and not name.startswith("__")):
            setattr(kind, name, _refusal(f"{kind.__name__}.{name}"))


def _refusal(name: str) -> Callable[..., NoReturn]:
    def refuse(*_arguments: Any, **_more: Any) -> NoReturn:
        _refuse(name)

    return refuse


def _refuse_method(method: Any, *_arguments: Any, **_more: Any) -> NoReturn:
    """Replace the call of all methods of machines: each is an object of one class."""
    _refuse(method.__qualname__)


def _refuse(name: str) -> NoReturn:
    raise RuntimeError(
        f"{name}: process {os.getpid()} is a fork of the driver; machines and networks can "
        "only be used in the driver itself"
    )


class going_no_further:
    """Context manager around the script: a fork that reaches the end exits here."""

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if engine.is_fork():
            leave(exception)


def leave(error: BaseException | None) -> NoReturn:
    """Exit from this fork as a Python program does after ``error`` (None: success)."""
    status = 0
    try:
        if isinstance(error, SystemExit):
            status = status_of(error)
            if error.code is not None and not isinstance(error.code, int):
                print(error.code, file=sys.stderr)
        elif error is not None:
            status = 128 + 2 if isinstance(error, KeyboardInterrupt) else 1
            sys.excepthook(type(error), error, error.__traceback__)
        _finish()
    finally:
        os._exit(status)


def _finish() -> None:
    import atexit

    if threading := sys.modules.get("threading"):
        threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
