"""The prompt of IPython."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from test_driver.repl.above import log_above_application
from test_driver.repl.prompt import history_file

if TYPE_CHECKING:
    from types import TracebackType

    from test_driver.repl.prompt import Prompt

base: Any = import_module("IPython.terminal.embed").InteractiveShellEmbed


class Shell(base):  # type: ignore[misc]
    """Shows the log above the edited line."""

    def prompt_for_code(self) -> Any:
        with log_above_application(self.pt_app.app):
            return super().prompt_for_code()


exit_base: Any = import_module("IPython.core.autocall").ExitAutocall


class Exit(exit_base):  # type: ignore[misc]
    """The name ``exit``: works with or without parentheses, and takes an exit status."""

    status: Any = None

    def __call__(self, status: Any = None) -> None:
        """End the run and all machines with this exit status."""
        self.status = status
        super().__call__()


def start(prompt: Prompt) -> None:
    def keep_history(shell: Any) -> None:
        if file := history_file():
            shell.pt_app.history = import_module("prompt_toolkit.history").FileHistory(file)
            shell.pt_app.default_buffer.history = shell.pt_app.history

    run(Shell, prompt, prepare=keep_history)


def run(kind: Any, prompt: Prompt, prepare: Any = None, **options: Any) -> None:
    """Run a shell of the class ``kind`` with the user's IPython configuration."""
    config = import_module("IPython.terminal.ipapp").load_default_config()
    config.InteractiveShellEmbed = config.TerminalInteractiveShell
    config.HistoryManager.enabled = False  # we have a history file of our own
    config.InteractiveShellEmbed.confirm_exit = False
    shell = kind.instance(
        config=config, user_ns=prompt.symbols, banner1="", exit_msg="", **options
    )

    def show_failure(
        shell: Any,
        kind: type[BaseException],
        error: BaseException,
        traceback: TracebackType | None,
        tb_offset: int | None = None,
    ) -> None:
        prompt.show_failure(error)

    shell.set_custom_exc((BaseException,), show_failure)
    leaving = Exit(shell)
    shell.user_ns.update(exit=leaving, quit=leaving)
    if prepare is not None:
        prepare(shell)
    shell.mainloop()
    raise SystemExit(leaving.status)
