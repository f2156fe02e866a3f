"""The prompt of --interactive, with the symbols of the test script."""

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

CHOICE = "NTD_REPL"  # an environment variable that selects one of KINDS
KINDS = ("ptipython", "ptpython", "ipython", "python")  # the first one installed is the default


def run(driver: Driver) -> int:
    """Read and run commands until ``exit``, Ctrl-D or the end of input; return the exit status."""
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
        except ImportError:  # not installed
            continue
        module.start(prompt)
        return


def _kinds() -> tuple[str, ...]:
    """The kinds of prompt to try, the preferred one first."""
    chosen = os.environ.get(CHOICE, "")
    if chosen in KINDS:
        return chosen, "python"
    if chosen:
        print(f"{CHOICE}={chosen} is none of {', '.join(KINDS)}: ignored", file=sys.stderr)
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return KINDS if terminal else ("python",)
