"""The prompt of --interactive: the script's symbols, for a person at the keyboard."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from test_driver.process import forks, status_of
from test_driver.repl import greeting
from test_driver.repl.prompt import Prompt

if TYPE_CHECKING:
    from test_driver.driver import Driver

CHOICE = "NTD_REPL"  # a variable with one of:
KINDS = ("ptipython", "ptpython", "ipython", "python")  # the first that can be had is taken


def run(driver: Driver) -> int:
    """Read and run what is typed until ``exit``, Ctrl-D or the end of input.

    Returns what was given to ``exit()``, for the exit status.
    """
    symbols = driver.test_symbols()
    driver._runs.show_at_prompt(symbols)
    greeting.show(driver)
    prompt = Prompt(driver, symbols)
    try:
        with forks.going_no_further():
            _start(prompt)
    except SystemExit as end:
        return status_of(end)
    return 0


def _start(prompt: Prompt) -> None:
    for kind in _kinds():
        try:
            module = import_module(f"test_driver.repl.{kind}_prompt")
        except ImportError:  # it, or what it builds on, is not installed
            continue
        module.start(prompt)
        return


def _kinds() -> tuple[str, ...]:
    """Those that suit our input and output, the best first."""
    chosen = os.environ.get(CHOICE, "")
    if chosen in KINDS:
        return chosen, "python"
    if chosen:
        print(f"{CHOICE}={chosen} is none of {', '.join(KINDS)}: ignored", file=sys.stderr)
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return KINDS if terminal else ("python",)
