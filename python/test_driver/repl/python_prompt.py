"""Python's own prompt, with readline if it is installed."""

from __future__ import annotations

import code
import contextlib
import ctypes
import inspect
import os
import re
import rlcompleter
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from test_driver.repl import prompt as common
from test_driver.repl.above import Pending, log_above_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from test_driver.repl.prompt import Prompt

try:
    import readline
except ImportError:  # a Python without readline still has a prompt
    readline = None  # type: ignore[assignment]


SHOW = signal.SIGRTMAX - 1


class Console(code.InteractiveConsole):
    """Shows failures in the driver's way, and the log above the edited line."""

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(prompt.symbols)
        self._prompt = prompt
        self._completer = Completer(prompt.symbols)
        if readline:
            readline.set_completer(self._completer.complete)
            readline.set_completion_display_matches_hook(self._completer.show)
            readline.parse_and_bind("tab: complete")
            for line in common.read_history():
                readline.add_history(line)

    def raw_input(self, prompt: str = "") -> str:
        if not (readline and sys.stdin.isatty()):
            return input(prompt)
        self._completer.prompt = prompt
        edited = EditedLine(prompt)
        with edited, log_above_line(edited.ask):
            line = input(prompt)
            edited.end()
        if line.strip():
            common.add_to_history(line)
        return line

    def showtraceback(self) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            self._prompt.show_failure(error)


def start(prompt: Prompt) -> None:
    prompt.symbols["exit"] = common.Exit()
    Console(prompt).interact(banner="", exitmsg="")


class Completer(rlcompleter.Completer):
    """Completes names with Tab, and shows their docstrings: in lists, and after a parenthesis."""

    prompt = ""

    def complete(self, text: str, state: int) -> Any:
        called = re.search(r"([\w.]+)\($", readline.get_line_buffer()[: readline.get_endidx()])
        if text or not called:
            return super().complete(text, state)
        if state == 0:
            self._print([self._documentation(called.group(1))])
        return None

    def show(self, substitution: str, matches: Sequence[str], longest: int) -> None:
        """List the matches, each with its signature and the first line of its docstring."""
        width = max(20, _columns() - 1)
        names = [match.rstrip("()") for match in matches]
        self._print([self._documentation(name).split("\n")[0][:width] for name in names])

    def _print(self, lines: Sequence[str]) -> None:
        line = self.prompt + readline.get_line_buffer()
        sys.stdout.write("\n".join(["", *lines, line]))
        sys.stdout.flush()

    def _documentation(self, name: str) -> str:
        """The signature and docstring of the object that ``name`` refers to."""
        short = name.rpartition(".")[2]
        with contextlib.suppress(Exception):
            value = eval(name, self.namespace)  # type: ignore[attr-defined]
            if callable(value):
                text = inspect.getdoc(value) or ""
                return f"{short}{inspect.signature(value)}  {text}".rstrip()
        return short


class EditedLine:
    """Shows the log above the line that readline edits.

    Only readline's thread may access that line, so other threads send it a signal.
    """

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._thread = threading.get_ident()
        self._pending: Pending | None = None
        self._is_edited = False

    def __enter__(self) -> None:
        signal.signal(SHOW, self._show)
        readline.set_pre_input_hook(self._begin)

    def __exit__(self, *exception: object) -> None:
        self.end()
        readline.set_pre_input_hook(None)
        signal.signal(SHOW, lambda *_: None)  # not SIG_DFL: a signal may still be pending

    def _begin(self) -> None:
        self._is_edited = True

    def end(self) -> None:
        """The line is complete: do not draw it again."""
        self._is_edited = False

    def ask(self, pending: Pending) -> None:
        """Request that ``pending`` be shown; called in another thread."""
        self._pending = pending
        if self._is_edited:
            signal.pthread_kill(self._thread, SHOW)

    def _show(self, *_: object) -> None:
        if self._is_edited and self._pending:
            show_above(self._pending, self._prompt)


def show_above(pending: Pending, prompt: str) -> None:
    """Clear the line that readline edits, show the pending log, and write the line again."""
    text = prompt + readline.get_line_buffer()
    cursor = len(prompt) + _cursor()
    rows = cursor // _columns()
    os.write(1, (f"\x1b[{rows}A" if rows else "").encode() + b"\r\x1b[J")
    pending.show()
    back = len(text) - cursor
    os.write(1, text.encode() + (f"\x1b[{back}D" if back > 0 else "").encode())


def _cursor() -> int:
    """The position of readline's cursor (rl_point), which Python's module does not provide."""
    try:
        library = ctypes.CDLL(readline.__file__)
        return ctypes.c_int.in_dll(library, "rl_point").value
    except (AttributeError, OSError, TypeError, ValueError):
        return len(readline.get_line_buffer())


def _columns() -> int:
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80
