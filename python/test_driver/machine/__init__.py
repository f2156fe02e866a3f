"""Machines under test, and waits for conditions."""

from __future__ import annotations

from test_driver.machine.base import BaseMachine
from test_driver.machine.qemu import QemuMachine

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from typing import Any

    from test_driver.machine.nspawn import NspawnMachine
    from test_driver.machine.start_command import NixStartScript, QemuStartCommand, StartCommand
    from test_driver.machine.waiting import retry
    from test_driver.screen.keys import CHAR_TO_KEY, X11_KEY_ALIASES, x11_key_name

Machine = QemuMachine  # its name up to NixOS 25.11

__all__ = [
    "CHAR_TO_KEY",
    "X11_KEY_ALIASES",
    "BaseMachine",
    "Machine",
    "NixStartScript",
    "NspawnMachine",
    "QemuMachine",
    "QemuStartCommand",
    "StartCommand",
    "make_command",
    "retry",
    "x11_key_name",
]


def __getattr__(name: str) -> Any:
    """Import rarely needed names on demand, because scripts import them from here."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from test_driver.machine import nspawn, start_command, waiting
    from test_driver.screen import keys

    homes = (waiting, nspawn, start_command, keys)
    home = next(module for module in homes if hasattr(module, name))
    return getattr(home, name)


def make_command(args: list[str]) -> str:
    """Join the words of a command for the shell, quoted so that each is taken literally."""
    import shlex

    return shlex.join(map(str, args))
