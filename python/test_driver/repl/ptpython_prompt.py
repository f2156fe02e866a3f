"""The prompt of ptpython."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from test_driver.repl.above import log_above_application
from test_driver.repl.prompt import Exit, history_file

if TYPE_CHECKING:
    from test_driver.repl.prompt import Prompt

ptpython = import_module("ptpython.repl")
layout = import_module("ptpython.layout")
base: Any = ptpython.PythonRepl
# ptpython's own `exit` raises ReplExit, which older releases do not have.
LEAVING: tuple[type[BaseException], ...] = (SystemExit, getattr(ptpython, "ReplExit", SystemExit))


class Repl(base):  # type: ignore[misc]
    """Shows failures in the driver's way, and the log above the edited line."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        super().__init__(get_globals=lambda: prompt.symbols, history_filename=history_file())
        configure(self)

    def _add_to_namespace(self) -> None:
        super()._add_to_namespace()
        self._prompt.symbols["exit"] = Exit()

    def read(self) -> Any:
        with log_above_application(self.app):
            return super().read()

    def eval(self, line: str) -> Any:
        try:
            result = super().eval(line)
            if isinstance(result, Exit):  # ptpython may not call its repr(), which exits
                result()
            return result
        except LEAVING:
            raise
        except BaseException as error:
            self._prompt.show_failure(error)
            return None


def configure(repl: Any) -> None:
    """Set our defaults for ptpython's settings; F2 shows all of them."""
    # The other forms of the menu leave no room for docstrings.
    repl.completion_visualisation = layout.CompletionVisualisation.POP_UP
    repl.show_signature = True
    repl.show_docstring = True
    repl.confirm_exit = False
    repl.enable_mouse_support = False


def start(prompt: Prompt) -> None:
    Repl(prompt).run()
