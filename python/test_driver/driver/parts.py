"""The machines and networks of a run: create them, control them, clean them up."""

from __future__ import annotations

from test_driver._engine import engine
from test_driver.logger import Logger
from test_driver.machine import BaseMachine, QemuMachine
from test_driver.process import forks

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Self

    from test_driver.config import DriverConfiguration
    from test_driver.logger import AbstractLogger
    from test_driver.machine import NspawnMachine
    from test_driver.network.vlan import Capture, VLan
    from test_driver.network.vsock import VHostDeviceVsock
    from test_driver.screen.displays import Display
    from test_driver.script.polling_condition import PollingCondition


class Parts:
    """The machines and networks of a run, and everything else that it starts."""

    config: DriverConfiguration
    """The configuration of the run."""
    interactive: bool
    """Whether the run has a prompt instead of just running the test."""
    logger: AbstractLogger
    """The test log; the symbol ``log``."""
    vlans: list[VLan]
    """The virtual networks."""
    vhost_vsock: VHostDeviceVsock | None
    """The process that provides the machines' vsocks; None if they have none."""
    machines_qemu: list[QemuMachine]
    """The QEMU machines. A machine appended by the script is cleaned up with the others."""
    machines_nspawn: list[NspawnMachine]
    """The systemd-nspawn machines (containers)."""
    polling_conditions: list[PollingCondition]
    """The polling conditions in force."""

    def __init__(
        self,
        config: DriverConfiguration,
        out_dir: str | Path,
        logger: AbstractLogger | None,
        *,
        interactive: bool,
        keep_machine_state: bool,
        tmp_dir: str | Path | None,
        pcap: bool,
    ) -> None:
        self.config = config
        self.interactive = interactive
        self._out_dir = out_dir
        self._tmp_dir = tmp_dir or _own_directory()
        self.logger = logger or Logger()
        self._keep_machine_state = keep_machine_state
        self._pcap = pcap
        self._recorded: list[Capture] = []
        self._displays: list[Display] = []
        self.vlans = []
        self.vhost_vsock = None
        self.machines_qemu = []
        self.machines_nspawn = []
        self.polling_conditions = []
        # All machines, even if the script removes some from the lists above.
        self._created: list[QemuMachine] = []
        self._boxes: list[NspawnMachine] = []

    @property
    def out_dir(self) -> Path:
        """The output directory (-o); the current directory by default."""
        from pathlib import Path

        return Path(self._out_dir)

    @out_dir.setter
    def out_dir(self, directory: Path) -> None:
        self._out_dir = directory

    @property
    def tmp_dir(self) -> Path:
        """The base directory, which contains the machines' state and sockets."""
        from pathlib import Path

        return Path(self._tmp_dir)

    @tmp_dir.setter
    def tmp_dir(self, directory: Path) -> None:
        self._tmp_dir = directory

    # ------------------------------------------------------------------------------ begin and end

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def _start(self) -> None:
        wants_vsock = self.config.enable_ssh_backdoor or engine.options().vsock_backdoor
        if wants_vsock and self.config.vms:
            from test_driver.network.vsock import VHostDeviceVsock  # few runs need it

            self.vhost_vsock = VHostDeviceVsock(
                self._tmp_dir, list(self.config.vms), self.config.vsock_siblings
            )
        containers = engine.ContainerHost(self._tmp_dir) if self.config.containers else None
        if self.config.vlans:
            from test_driver.network.vlan import VLan

            with self.logger.nested("start all VLans"):
                for number in self.config.vlans:
                    vlan = VLan(
                        number, self._tmp_dir, out_dir=self._out_dir, containers=containers
                    )
                    self.vlans.append(vlan)
                    if self._pcap:
                        self._recorded.append(vlan.capture(f"vlan{number}.pcap"))
        for name, vm in self.config.vms.items():
            self.machines_qemu.append(self._create(vm.start_script, name))
        for name, box in self.config.containers.items():
            self.machines_nspawn.append(self._container(name, box.start_script, containers))
        self._boxes = list(self.machines_nspawn)
        self._open_ssh_backdoor()
        boxes = self.config.containers
        if self.interactive and any(box.display_targets for box in boxes.values()):
            from test_driver.screen import displays  # few runs have one

            for machine in self.machines_nspawn:
                config = boxes[machine.name]
                self._displays += displays.show(machine, config, self.config.display_viewers)

    def _open_ssh_backdoor(self) -> None:
        machines = sorted(self.machines_qemu, key=lambda machine: machine.name)
        for number, machine in enumerate(machines, start=1):
            if self.vhost_vsock:
                machine._use_vsock(self.vhost_vsock)
            if self.config.vsock_offset is not None:
                machine._vsock_cid = self.config.vsock_offset + number
        if self._has_ssh_backdoor:
            self.dump_machine_ssh()

    @property
    def _has_ssh_backdoor(self) -> bool:
        has_sockets = self.config.enable_ssh_backdoor and self.vhost_vsock is not None
        return has_sockets or self.config.vsock_offset is not None

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if engine.is_fork():
            forks.leave(exception)
        self._clean_up()

    def _clean_up(self) -> None:
        with self.logger.nested("cleanup"):
            for display in self._displays:
                display.stop()
            machines = dict.fromkeys(
                [*self.machines_qemu, *self.machines_nspawn, *self._created, *self._boxes]
            )
            for machine in machines:  # first, so that all machines end at the same time
                machine._close()
            for machine in machines:
                machine.release()
            for vlan in self.vlans:
                vlan.stop()
            if self.vhost_vsock:
                self.vhost_vsock.stop()

    # ------------------------------------------------------------------------------ machines

    @property
    def machines(self) -> list[BaseMachine]:
        """All machines, sorted by name. A machine appended here is cleaned up with the others."""
        return _MachineList(self)

    def create_machine(
        self,
        start_command: str | dict[str, Any],
        *,
        name: str | None = None,
        keep_machine_state: bool = False,
        keep_vm_state: bool = False,
    ) -> QemuMachine:
        """Create another QEMU machine, which is ended with the run; start() starts it.

        A shell runs ``start_command`` in the machine's state directory; the driver appends its
        arguments for QEMU. ``name`` defaults to NAME if the command ends with ``run-NAME-vm``, else
        to ``machine``. A state directory from an earlier run is deleted, unless
        ``keep_machine_state`` is true; ``keep_vm_state`` is its older name. As in releases up to
        23.11, the only argument can be a dictionary with these keys.
        """
        if isinstance(start_command, dict):
            return self.create_machine(**_arguments_of(start_command))
        machine = self._create(start_command, name, keep_machine_state or keep_vm_state)
        if self._has_ssh_backdoor:
            self.logger.warning(
                f"machine '{machine.name}' has no SSH backdoor: "
                "only machines of the configuration have one"
            )
        return machine

    def _create(self, start_command: str, name: str | None, keep: bool = False) -> QemuMachine:
        machine = QemuMachine(
            start_command=start_command,
            name=name,
            out_dir=self._out_dir,
            tmp_dir=self._tmp_dir,
            logger=self.logger,
            callbacks=[self.check_polling_conditions],
            keep_machine_state=keep or self._keep_machine_state,
        )
        self._created.append(machine)
        return machine

    def _container(
        self, name: str, start_script: str, containers: engine.ContainerHost | None
    ) -> NspawnMachine:
        from test_driver.machine import NspawnMachine

        return NspawnMachine(
            start_command=start_script,
            name=name,
            out_dir=self._out_dir,
            tmp_dir=self._tmp_dir,
            logger=self.logger,
            callbacks=[self.check_polling_conditions],
            keep_machine_state=self._keep_machine_state,
            containers=containers,
        )

    def start_all(self) -> None:
        """Start all machines in parallel."""
        with self.logger.nested("start all VMs"):
            engine.start_all(list(self.machines))

    def join_all(self) -> None:
        """Wait until all machines have shut down."""
        with self.logger.nested("wait for all VMs to finish"):
            for machine in self.machines:
                machine.wait_for_shutdown()

    def check_polling_conditions(self) -> None:
        """Check the conditions in force. Raises PollingConditionError if one does not hold."""
        for condition in self.polling_conditions:
            condition.maybe_raise()

    # ------------------------------------------------------------------------------ for a person

    def serial_stdout_on(self, *machines: BaseMachine) -> None:
        """Show the serial consoles of these machines (default: all) in the terminal."""
        self._show_serial(True, machines)

    def serial_stdout_off(self, *machines: BaseMachine) -> None:
        """Hide the serial consoles of these machines (default: all) in the terminal.

        Reports still contain them.
        """
        self._show_serial(False, machines)

    def _show_serial(self, shown: bool, machines: tuple[BaseMachine, ...]) -> None:
        for machine in machines:
            engine.show_serial_of(machine.name, shown)
        if not machines:
            self.logger.print_serial_logs(shown)

    def dump_machine_ssh(self) -> None:
        """Print the SSH command for each machine; needs the SSH backdoor."""
        if self._has_ssh_backdoor:
            from test_driver.network import vsock

            vsock.print_commands(self.machines, self.logger)
        else:
            self.logger.warning("there is no SSH backdoor in this run")

    def _drop_recordings(self) -> None:
        """Delete the captures of --pcap, which nobody needs after a test that passed."""
        for capture in self._recorded:
            capture.stop()
            capture.path.unlink(missing_ok=True)


class _MachineList(list[BaseMachine]):
    """The machines, sorted by name. An appended machine is added to the run's list of its kind."""

    def __init__(self, parts: Parts) -> None:
        machines: list[BaseMachine] = [*parts.machines_qemu, *parts.machines_nspawn]
        super().__init__(sorted(machines, key=lambda machine: machine.name))
        self._parts = parts

    def append(self, machine: BaseMachine) -> None:
        super().append(machine)
        own: list[Any] = self._parts.machines_qemu
        if isinstance(machine, engine.NspawnMachine):
            own = self._parts.machines_nspawn
        if machine not in own:
            own.append(machine)


def _own_directory() -> Path:
    import tempfile
    from pathlib import Path

    return Path(tempfile.mkdtemp(prefix="driver-", dir=engine.options().tmp_dir))


def _arguments_of(old_form: dict[str, Any]) -> dict[str, Any]:
    """Convert the dictionary of older releases to arguments of create_machine()."""
    known = ("name", "keep_machine_state", "keep_vm_state")
    arguments = {key: old_form[key] for key in known if key in old_form}
    start_command = old_form.get("startCommand", old_form.get("start_command"))
    if start_command is None:
        raise ValueError("create_machine: the dictionary has no startCommand")
    return {"start_command": start_command, **arguments}
