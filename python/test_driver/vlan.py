"""Virtual networks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from test_driver._engine import engine

if TYPE_CHECKING:
    from pathlib import Path


class VLan(engine.VLan):
    """A network that machines are on: a ``vde_switch`` in hub mode.

    Machines find it through the environment variable ``QEMU_VDE_SOCKET_<nr>``, containers as the
    network device ``vde-tap<nr>``.
    """

    nr: int
    """Its number, as in the configuration."""
    socket_dir: Path
    """The directory of the switch's socket."""
    pid: int
    """Number of the switch's process."""

    def __init__(
        self, nr: int, tmp_dir: Any, *_: Any, containers: engine.ContainerHost | None = None
    ) -> None:
        super().__init__(nr, tmp_dir, containers)
        self._variable = f"QEMU_VDE_SOCKET_{nr}"
        self._outer = os.environ.get(self._variable)  # of a driver that this one runs in
        os.environ[self._variable] = str(self.socket_dir)

    def __repr__(self) -> str:
        return f"<Vlan Nr. {self.nr}>"

    def stop(self) -> None:
        """End the switch."""
        super().stop()
        if self._outer is None:
            os.environ.pop(self._variable, None)
        else:
            os.environ[self._variable] = self._outer
