"""What the kinds of prompt have in common."""

from __future__ import annotations

import contextlib
import datetime
import os
import stat
import sys
import traceback
from typing import TYPE_CHECKING, Any

from test_driver._engine import engine
from test_driver.logger.failure import describe_failure, frames_of

if TYPE_CHECKING:
    from test_driver.driver import Driver

HISTORY = ".nixos-test-history"  # in the current directory, in the format of prompt_toolkit
OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep


class Prompt:
    """A person's place in a run."""

    def __init__(self, driver: Driver, symbols: dict[str, Any]) -> None:
        self.driver = driver
        self.symbols = symbols
        """What the person sees, and changes."""

    def show_failure(self, error: BaseException) -> None:
        """Say what ended the person's command: as after a test run if the script has failed."""
        # For pdb.pm(); Python 3.12 and later look at the last one.
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
        setattr(sys, "last_exc", error)
        if any(frames_of(error)):
            text = describe_failure(error, self.driver.tests)
            self.driver.logger.log_test_error(text)
        else:
            engine.log_line(engine.Level.error, describe(error))


class Exit:
    """The name ``exit`` at a prompt: with and without brackets."""

    def __call__(self, code: Any = None) -> None:
        """End the run, and all machines; ``code`` is the exit status."""
        raise SystemExit(code)

    def __repr__(self) -> str:
        raise SystemExit


def history_file() -> str | None:
    """Where what is typed is kept; None if it cannot be written, or others may have made it."""
    descriptor = _open_history(os.O_CREAT)
    if descriptor is None:
        return None
    os.close(descriptor)
    return HISTORY


def read_history() -> list[str]:
    """What was typed, line by line."""
    descriptor = _open_history()
    if descriptor is None:
        return []
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        return [line[1:] for line in file.read().splitlines() if line.startswith("+")]


def add_to_history(line: str) -> None:
    """Keep a line for the next time."""
    descriptor = _open_history(os.O_CREAT)
    if descriptor is None:
        return
    with contextlib.suppress(OSError), open(descriptor, "a", encoding="utf-8") as file:
        file.write(f"\n# {datetime.datetime.now()}\n+{line}\n")


def _open_history(flags: int = 0) -> int | None:
    """The file, if it is a regular one of ours: the current directory may be /tmp."""
    flags |= os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(HISTORY, flags, 0o600)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    return None


def describe(error: BaseException) -> str:
    """The traceback without our own frames and those of the prompt."""
    summary = traceback.TracebackException.from_exception(error)
    _keep_only_the_persons(summary)
    return "".join(summary.format()).strip().replace("test_driver.errors.", "")


def _keep_only_the_persons(summary: traceback.TracebackException) -> None:
    typed = [frame.filename.startswith("<") for frame in summary.stack]
    first = typed.index(True) if True in typed else 0
    frames = [frame for frame in summary.stack[first:] if not frame.filename.startswith(OURS)]
    if len(frames) == 1:  # what was typed is still on the screen
        frames.clear()
    summary.stack = traceback.StackSummary.from_list(frames)
    for other in (summary.__cause__, summary.__context__):
        if other is not None:
            _keep_only_the_persons(other)
