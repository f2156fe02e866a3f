"""The prompt of ptpython, on top of IPython."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from test_driver.repl import ipython_prompt, ptpython_prompt
from test_driver.repl.above import log_above_application
from test_driver.repl.prompt import history_file

if TYPE_CHECKING:
    from test_driver.repl.prompt import Prompt

base: Any = import_module("ptpython.ipython").InteractiveShellEmbed


class Shell(base):  # type: ignore[misc]
    """Shows the log above the edited line."""

    def prompt_for_code(self) -> Any:
        self.python_input.signatures = []  # left over if Ctrl-C discarded the line before
        with log_above_application(self.python_input.app):
            return super().prompt_for_code()


def start(prompt: Prompt) -> None:
    ipython_prompt.run(
        Shell, prompt, history_filename=history_file(), configure=ptpython_prompt.configure
    )
