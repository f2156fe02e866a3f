"""The greeting of the prompt: useful commands, and the displays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_driver._engine import engine
from test_driver.display import graphical_display_available

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_driver.driver import Driver


def show(driver: Driver) -> None:
    """Print the greeting."""
    print("\n".join(_lines(driver)))


def _lines(driver: Driver) -> Iterator[str]:
    names = [engine.python_name(machine.name) for machine in driver.machines_qemu]
    one = names[0] if names else "machine"
    yield "at the prompt:"
    if driver.tests:
        yield "    test_script()  run the test script, as often as you like; help(test_script)"
    yield "    start_all()    start all machines"
    yield f"    {one}.shell_interact()    a root shell in a terminal of its own (Ctrl-] comes back)"
    yield f"    {one}.console_interact()  the serial console (Ctrl-] comes back)"
    yield f"    help({one})    what a machine can do; serial_stdout_off() hides the consoles"
    if driver.config.enable_ssh_backdoor or driver.config.vsock_offset is not None:
        yield "    dump_machine_ssh()    how to reach the machines by SSH"
    yield "    Ctrl-C ends what runs; exit or Ctrl-D ends all machines"
    yield from _displays(driver)


def _displays(driver: Driver) -> Iterator[str]:
    if engine.options().vnc:
        yield "displays (VNC, once the machine runs):"
        for machine in driver.machines_qemu:
            yield f"    {machine.name}: vncviewer {machine.vnc_path}"
    elif graphical_display_available():
        yield "displays: each machine opens a window"
    else:
        yield "displays: none (no DISPLAY or WAYLAND_DISPLAY; --vnc gives each machine a VNC server)"
