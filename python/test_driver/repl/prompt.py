"""The common parts of all kinds of prompt."""

from __future__ import annotations

import contextlib
import datetime
import linecache
import os
import stat
import sys
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any

from test_driver._engine import engine
from test_driver.logger.failure import FILE_NAME, describe_failure, frames_of

if TYPE_CHECKING:
    from test_driver.driver import Driver

HISTORY = ".nixos-test-history"  # in the current directory, in prompt_toolkit's format
OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep


class Prompt:
    """What a prompt works on: the run and its symbols."""

    def __init__(self, driver: Driver, symbols: dict[str, Any]) -> None:
        self.driver = driver
        self.symbols = symbols
        """The namespace of the prompt."""

    def show_failure(self, error: BaseException) -> None:
        """Show the exception that ended a command; if the script failed, as after a test run."""
        # For pdb.pm(); Python 3.12 and later use last_exc.
        error.__traceback__ = _of_the_person(error.__traceback__)
        source = self.driver.tests
        linecache.cache[FILE_NAME] = (len(source), None, source.splitlines(True), FILE_NAME)
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
        setattr(sys, "last_exc", error)
        if any(frames_of(error)):
            text = describe_failure(error, self.driver.tests)
            self.driver.logger.log_test_error(text)
        else:
            engine.log_line(engine.Level.error, describe(error))


class Exit:
    """The name ``exit`` at a prompt: works with or without parentheses."""

    def __call__(self, code: Any = None) -> None:
        """End the run and all machines; ``code`` is the exit status."""
        raise SystemExit(code)

    def __repr__(self) -> str:
        raise SystemExit


def history_file() -> str | None:
    """The history file's name; None if it is not writable, or belongs to another user."""
    descriptor = _open_history(os.O_CREAT)
    if descriptor is None:
        return None
    os.close(descriptor)
    return HISTORY


def read_history() -> list[str]:
    """The lines of the history."""
    descriptor = _open_history()
    if descriptor is None:
        return []
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        return [line[1:] for line in file.read().splitlines() if line.startswith("+")]


def add_to_history(line: str) -> None:
    """Append a line to the history."""
    descriptor = _open_history(os.O_CREAT)
    if descriptor is None:
        return
    with contextlib.suppress(OSError), open(descriptor, "a", encoding="utf-8") as file:
        file.write(f"\n# {datetime.datetime.now()}\n+{line}\n")


def _open_history(flags: int = 0) -> int | None:
    """Open the history file; None if it is not a regular file of our user.

    The current directory may be /tmp, where other users can create that file.
    """
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


def _of_the_person(frames: TracebackType | None) -> TracebackType | None:
    """The traceback from the script or command on, without the frames of the driver."""
    parts = []
    while frames is not None:
        parts.append(frames)
        frames = frames.tb_next
    files = [part.tb_frame.f_code.co_filename for part in parts]
    typed = next((file for file in files if file.startswith("<")), None)
    first = FILE_NAME if FILE_NAME in files else typed
    begin = files.index(first) if first else 0
    left = None
    for file, part in reversed([*zip(files, parts)][begin:]):
        if not file.startswith(OURS):
            left = TracebackType(left, part.tb_frame, part.tb_lasti, part.tb_lineno)
    return left


def describe(error: BaseException) -> str:
    """Format the traceback without the frames of the driver and of the prompt."""
    summary = traceback.TracebackException.from_exception(error)
    _keep_only_the_persons(summary)
    return "".join(summary.format()).strip().replace("test_driver.errors.", "")


def _keep_only_the_persons(summary: traceback.TracebackException) -> None:
    typed = [frame.filename.startswith("<") for frame in summary.stack]
    first = typed.index(True) if True in typed else 0
    frames = [frame for frame in summary.stack[first:] if not frame.filename.startswith(OURS)]
    if len(frames) == 1:  # only the command itself, which is still on the screen
        frames.clear()
    summary.stack = traceback.StackSummary.from_list(frames)
    for other in (summary.__cause__, summary.__context__):
        if other is not None:
            _keep_only_the_persons(other)
