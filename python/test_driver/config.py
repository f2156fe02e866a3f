"""The configuration of a run, as read from the file of --config."""

from __future__ import annotations

import os

from test_driver._engine import engine
from test_driver.duration import as_seconds

TYPE_CHECKING = False  # see __init__.py
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from test_driver.duration import Duration


class MachineConfiguration:
    """The configuration of a machine. The machine's name is its key in the file."""

    name: str
    """The host name; scripts can use it as a variable name for the machine, too."""
    start_script: str
    """The path of the script that starts the machine."""

    def __init__(self, *, name: str, start_script: str | Path) -> None:
        self.name = name
        self.start_script = str(start_script)


class QemuMachineConfiguration(MachineConfiguration):
    """The configuration of a QEMU machine."""


class NspawnMachineConfiguration(MachineConfiguration):
    """The configuration of a systemd-nspawn machine (container)."""

    display_targets: Sequence[engine.DisplayTarget]
    """The container's screens to show at the prompt."""
    display_servers: Mapping[str, str]
    """By kind of screen: the program in the container that serves it over VNC."""
    display_viewers: Mapping[str, str]
    """By protocol: the viewer on the host; overrides that of the run."""

    def __init__(
        self,
        *,
        name: str,
        start_script: str | Path,
        display_targets: Sequence[engine.DisplayTarget] = (),
        display_servers: Mapping[str, str] | None = None,
        display_viewers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name=name, start_script=start_script)
        self.display_targets = display_targets
        self.display_servers = display_servers or {}
        self.display_viewers = display_viewers or {}


class DriverConfiguration:
    """The configuration of a run."""

    vms: dict[str, QemuMachineConfiguration]
    """The QEMU machines by their names."""
    containers: dict[str, NspawnMachineConfiguration]
    """The systemd-nspawn machines by their names."""
    vlans: list[int]
    """The numbers of the VLANs."""
    seconds: float | None
    """The time limit of the whole test in seconds; None: no limit."""
    enable_ssh_backdoor: bool
    """Whether the machines can be reached by SSH over vsocks."""
    vsock_offset: int | None
    """With vsocks of the kernel (--dump-vsocks): the CID of the Nth machine is this plus N."""
    vsock_siblings: bool
    """Whether guests can connect to each other's vsocks."""
    display_viewers: Mapping[str, str]
    """By protocol (``vnc``): the program that shows a screen on the host."""

    def __init__(
        self,
        *,
        vms: dict[str, QemuMachineConfiguration],
        containers: dict[str, NspawnMachineConfiguration],
        vlans: list[int],
        global_timeout: Duration | None,
        enable_ssh_backdoor: bool,
        test_script: str | Path,
        vsock_offset: int | None = None,
        vsock_siblings: bool = False,
        display_viewers: Mapping[str, str] | None = None,
    ) -> None:
        self.vms = vms
        self.containers = containers
        self.vlans = vlans
        self.seconds = None if global_timeout is None else as_seconds(global_timeout)
        self.enable_ssh_backdoor = enable_ssh_backdoor
        self.vsock_offset = vsock_offset
        self.vsock_siblings = vsock_siblings
        self._test_script = test_script
        self.display_viewers = display_viewers or {}

    @property
    def test_script(self) -> Path:
        """The file with the test script; can be assigned."""
        from pathlib import Path

        return Path(self._test_script)

    @test_script.setter
    def test_script(self, file: Path) -> None:
        self._test_script = file

    @property
    def global_timeout(self) -> timedelta | None:
        """``seconds`` as a timedelta."""
        from datetime import timedelta

        return None if self.seconds is None else timedelta(seconds=self.seconds)


def load_driver_configuration(file_path: str | Path) -> DriverConfiguration:
    """Read a configuration file (--config). Raises ValueError if it is not valid."""
    return of_engine(engine.read_config(file_path))


def of_engine(config: engine.Config) -> DriverConfiguration:
    """Convert a configuration that the engine has read and checked."""
    return DriverConfiguration(
        vms={
            machine.name: QemuMachineConfiguration(
                name=machine.host_name, start_script=machine.start_script
            )
            for machine in config.vms
        },
        containers={
            machine.name: NspawnMachineConfiguration(
                name=machine.host_name,
                start_script=machine.start_script,
                display_targets=machine.display_targets,
                display_servers=machine.display_servers,
                display_viewers=machine.display_viewers,
            )
            for machine in config.containers
        },
        vlans=config.vlans,
        global_timeout=config.global_timeout,
        enable_ssh_backdoor=config.enable_ssh_backdoor,
        test_script=config.test_script,
        vsock_offset=config.vsock_offset,
        vsock_siblings=config.vsock_siblings,
        display_viewers=config.display_viewers,
    )


def in_nix_sandbox() -> bool:
    """Return whether this process runs in a Nix build, and not in a nix-shell."""
    return "NIX_BUILD_TOP" in os.environ and "IN_NIX_SHELL" not in os.environ
