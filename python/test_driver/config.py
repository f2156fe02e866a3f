"""The configuration of a run, as the file of --config has it."""

from __future__ import annotations

from test_driver._engine import engine
from test_driver.duration import as_seconds

TYPE_CHECKING = False  # see __init__.py
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from test_driver.duration import Duration


class MachineConfiguration:
    """One machine. Its name is its key in the file."""

    name: str
    """Its host name; the script has it under that, too."""
    start_script: str
    """What starts it."""

    def __init__(self, *, name: str, start_script: str | Path) -> None:
        self.name = name
        self.start_script = str(start_script)


class QemuMachineConfiguration(MachineConfiguration):
    """A QEMU machine."""


class NspawnMachineConfiguration(MachineConfiguration):
    """A systemd-nspawn machine."""

    display_targets: Sequence[engine.DisplayTarget]
    """Its screens that are shown to a person at the prompt."""
    display_servers: Mapping[str, str]
    """The program in it that shows a screen of that kind by VNC."""
    display_viewers: Mapping[str, str]
    """Those of its own, before the run's."""

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
    """A whole run."""

    vms: dict[str, QemuMachineConfiguration]
    """The QEMU machines by their names."""
    containers: dict[str, NspawnMachineConfiguration]
    """The systemd-nspawn machines by their names."""
    vlans: list[int]
    """Numbers of the networks."""
    seconds: float | None
    """How long the test may take."""
    enable_ssh_backdoor: bool
    """Whether the machines can be reached by SSH, past their networks."""
    vsock_offset: int | None
    """The first number of the SSH backdoor's sockets in the kernel, of --dump-vsocks."""
    vsock_siblings: bool
    """Whether the guests reach each other's vsocks."""
    display_viewers: Mapping[str, str]
    """The program that shows a person what comes by that protocol, ``vnc``."""

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
        """The file with the script; may be assigned."""
        from pathlib import Path

        return Path(self._test_script)

    @test_script.setter
    def test_script(self, file: Path) -> None:
        self._test_script = file

    @property
    def global_timeout(self) -> timedelta | None:
        """The same as ``seconds``."""
        from datetime import timedelta

        return None if self.seconds is None else timedelta(seconds=self.seconds)


def load_driver_configuration(file_path: str | Path) -> DriverConfiguration:
    """What the file of --config says. ValueError if it cannot be used."""
    return of_engine(engine.read_config(file_path))


def of_engine(config: engine.Config) -> DriverConfiguration:
    """What the engine has read and checked."""
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
