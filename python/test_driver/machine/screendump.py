"""Screenshots that QEMU itself writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from test_driver.errors import MachineError
from test_driver.files.beneath import Directory, new_directory
from test_driver.machine.qmp import QMPAPIError

if TYPE_CHECKING:
    from test_driver.machine.qmp import QMPSession


class Machine(Protocol):
    """The part of QemuMachine that is needed here."""

    @property
    def name(self) -> str: ...
    @property
    def state_dir(self) -> Path: ...
    @property
    def qmp_client(self) -> QMPSession | None: ...


def picture_of(machine: Machine) -> bytes:
    """The picture of the screen, as binary PPM."""
    session = machine.qmp_client
    if session is None:
        raise MachineError(f"machine '{machine.name}' is not running: start() it first")
    with Directory.at(machine.state_dir) as state, new_directory(state, ".screen-") as directory:
        path = directory.path_of("screen.ppm")
        try:
            session.send("screendump", {"filename": path})
            return Path(path).read_bytes()
        except (QMPAPIError, OSError) as error:
            raise MachineError(
                f"machine '{machine.name}': cannot take a picture of the screen: {error}"
            ) from error
