"""Virtual networks (VLANs)."""

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
    """A running capture into a pcap file. As a context manager, stops at the end of the block."""

    path: Path
    """The pcap file."""

    def __init__(self, vlan: VLan, path: Path) -> None:
        self.path = path
        self._vlan = vlan
        self._capture = vlan._record(path)

    def stop(self) -> None:
        """Stop the capture; the file has all frames up to now.

        Raises MachineError if the process that writes the file has ended early.
        """
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
    """A virtual network: a ``vde_switch`` in hub mode.

    QEMU machines connect through the environment variable ``QEMU_VDE_SOCKET_<nr>``, containers
    through the network device ``vde-tap<nr>``.
    """

    nr: int
    """The VLAN's number, as in the configuration."""
    socket_dir: Path
    """The directory of the switch's socket."""
    pid: int
    """The process ID of the switch."""

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
        self._outer = os.environ.get(self._variable)  # set if this driver runs inside another one
        os.environ[self._variable] = self._socket_dir

    def __repr__(self) -> str:
        return f"<Vlan Nr. {self.nr}>"

    def capture(self, filename: str | Path) -> Capture:
        """Capture the network's frames into a pcap file, for tcpdump or Wireshark.

        ``filename`` is relative to the output directory. The capture runs until ``stop()`` of the
        returned object, until the end of a block ``with vlan1.capture("handshake.pcap"): ...``, or
        until the end of the run. It does not have the frames that ``impair()`` drops. It has frames
        between two containers only if the start scripts make bridges with ``ageing_time 0``.
        """
        from pathlib import Path

        capture = Capture(self, Path(self._out_dir) / filename)
        self._captures.append(capture)
        return capture

    def disconnect(self, machine: BaseMachine) -> None:
        """Unplug a machine from this network. Its other networks stay connected.

        Raises MachineError if the machine is not on this network, or is off.
        """
        from test_driver.network import cables

        cables.set_connected(self, machine, False, self._containers)

    def reconnect(self, machine: BaseMachine) -> None:
        """Plug a machine in again after disconnect().

        Raises MachineError if the machine is not on this network, or is off.
        """
        from test_driver.network import cables

        cables.set_connected(self, machine, True, self._containers)

    def impair(self, loss: float = 0, delay: Duration = 0) -> None:
        """Make the network lossy or slow.

        Each frame between machines is dropped with the probability `loss` (0 to 1), and arrives
        `delay` later (seconds or a timedelta, up to an hour). A round trip takes twice the delay.

        This takes effect before the call returns, also for machines that start later, and lasts
        until the next call; ``vlan1.impair()`` ends it. Frames between two containers are not
        affected.

        Raises ValueError if `loss` or `delay` is out of range, and MachineError if a process that
        impairs the network has ended. The network is not impaired any more then.
        """
        if not 0 <= loss <= 1:
            raise ValueError(f"loss is a fraction between 0 and 1, not {loss}")
        late = as_seconds(delay)
        if not 0 <= late <= LONGEST_DELAY:
            raise ValueError(f"delay is in seconds, 0 to {LONGEST_DELAY}, not {delay}")
        with engine.Scope(f"vlan {self.nr}: loss of {loss * 100:g} %, delay of {late:g} s"):
            self._impair(float(loss), late)

    def stop(self) -> None:
        """Stop the switch and all captures."""
        for capture in list(self._captures):
            capture._end()
        super().stop()
        if self._outer is None:
            os.environ.pop(self._variable, None)
        else:
            os.environ[self._variable] = self._outer
