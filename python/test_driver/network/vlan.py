"""Virtual networks."""

from __future__ import annotations

import os

from test_driver._engine import engine
from test_driver.duration import as_seconds

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Any

    from test_driver.duration import Duration
    from test_driver.machine.base import BaseMachine

LONGEST_DELAY = 3600  # seconds


class Capture:
    """A pcap file that is being written. A context manager that ends it."""

    path: Path
    """The file."""

    def __init__(self, vlan: VLan, path: Path) -> None:
        self.path = path
        self._vlan = vlan
        self._capture = vlan._record(path)

    def stop(self) -> None:
        """End it: what has passed over the network by now is in the file. MachineError if it is
        not, because the process that writes it has ended before."""
        self._end()
        self._capture.check()

    def _end(self) -> None:
        self._capture.stop()
        if self in self._vlan._captures:
            self._vlan._captures.remove(self)

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()
        if exception is None:
            self._capture.check()


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
        self,
        nr: int,
        tmp_dir: Any,
        *_: Any,
        out_dir: Any = ".",
        containers: engine.ContainerHost | None = None,
    ) -> None:
        super().__init__(nr, tmp_dir, containers)
        self._out_dir = out_dir
        self._containers = containers
        self._captures: list[Capture] = []
        self._variable = f"QEMU_VDE_SOCKET_{nr}"
        self._outer = os.environ.get(self._variable)  # of a driver that this one runs in
        os.environ[self._variable] = self._socket_dir

    def __repr__(self) -> str:
        return f"<Vlan Nr. {self.nr}>"

    def capture(self, filename: str | Path) -> Capture:
        """Write all that passes over the network from now on into a pcap file, for tcpdump and
        Wireshark, in the output directory (or where an absolute path says).

        It ends with the run, with ``stop()`` of what is returned, or with a block:
        ``with vlan1.capture("handshake.pcap"): ...``. What containers send each other is in it
        only if their start scripts make bridges that learn nothing (``ageing_time 0``). What
        ``impair()`` loses is not in it.
        """
        from pathlib import Path

        capture = Capture(self, Path(self._out_dir) / filename)
        self._captures.append(capture)
        return capture

    def disconnect(self, machine: BaseMachine) -> None:
        """Pull the machine's cable out of this network; the others stay connected.

        Raises MachineError if it is not on the network, or off.
        """
        from test_driver.network import cables

        cables.set_connected(self, machine, False, self._containers)

    def reconnect(self, machine: BaseMachine) -> None:
        """Plug the machine's cable in again."""
        from test_driver.network import cables

        cables.set_connected(self, machine, True, self._containers)

    def impair(self, loss: float = 0, delay: Duration = 0) -> None:
        """Make the network a bad one: of the frames from one machine to others the part `loss`
        gets lost by chance (0.1: one in ten; 1: all), and the rest arrives `delay` later (in
        seconds, or a timedelta; there and back it is twice that).

        It is in force on return, for machines that start later, too, and until the next call:
        ``vlan1.impair()`` ends it. What containers send each other does not come this way.

        Raises ValueError for a loss that is not between 0 and 1 or a negative delay, MachineError
        if a process that makes the impairment has ended: then there is none any more.
        """
        if not 0 <= loss <= 1:
            raise ValueError(f"loss is a fraction between 0 and 1, not {loss}")
        late = as_seconds(delay)
        if not 0 <= late <= LONGEST_DELAY:
            raise ValueError(f"delay is in seconds, 0 to {LONGEST_DELAY}, not {delay}")
        with engine.Scope(f"vlan {self.nr}: loss of {loss * 100:g} %, delay of {late:g} s"):
            self._impair(float(loss), late)

    def stop(self) -> None:
        """End the switch."""
        for capture in list(self._captures):
            capture._end()
        super().stop()
        if self._outer is None:
            os.environ.pop(self._variable, None)
        else:
            os.environ[self._variable] = self._outer
