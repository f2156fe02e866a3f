"""The prompt of --interactive: the script's symbols, for a person at the keyboard."""

from __future__ import annotations

import code
from typing import Any

HISTORY = ".nixos-test-history"  # in the current directory


def run(symbols: dict[str, Any]) -> None:
    """Read and run what is typed until the end of input, ``exit()`` or Ctrl-D."""
    _prepare_line_editing(symbols)
    try:
        code.interact(banner="", local=symbols, exitmsg="")
    except SystemExit:
        pass


def _prepare_line_editing(symbols: dict[str, Any]) -> None:
    try:
        import atexit
        import readline
        import rlcompleter
    except ImportError:  # a Python without readline still has a prompt
        return
    readline.set_completer(rlcompleter.Completer(symbols).complete)
    readline.parse_and_bind("tab: complete")
    try:
        readline.read_history_file(HISTORY)
    except OSError:  # none yet
        pass
    atexit.register(_write_history)


def _write_history() -> None:
    import readline

    try:
        readline.write_history_file(HISTORY)
    except OSError:  # a directory that cannot be written to: no history
        pass
