"""A test run: its networks and machines, the symbols of its script, and its end."""

from __future__ import annotations

import os
import time

from test_driver import forks, symbols
from test_driver._engine import engine
from test_driver.config import (
    DriverConfiguration,
    MachineConfiguration,
    load_driver_configuration,
    of_engine,
)
from test_driver.debug import DebugNop
from test_driver.logger import Logger
from test_driver.machine import BaseMachine, QemuMachine
from test_driver.runs import Runs

TYPE_CHECKING = False  # see __init__.py
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType
    from typing import Any, overload

    from test_driver.debug import DebugAbstract
    from test_driver.screen.displays import Display
    from test_driver.duration import Duration
    from test_driver.logger import AbstractLogger
    from test_driver.machine import NspawnMachine
    from test_driver.polling_condition import PollingCondition
    from test_driver.vlan import Capture, VLan
    from test_driver.vsock import VHostDeviceVsock, VsockPair

__all__ = [
    "Driver",
    "DriverConfiguration",
    "NodeConfiguration",
    "VHostDeviceVsock",
    "VLan",
    "VsockPair",
    "in_nix_sandbox",
    "load_driver_configuration",
    "pythonize_name",
]

NodeConfiguration = MachineConfiguration  # its name in 26.05

ALIAS = "machine"  # the script's name for the only one, whatever that is called


def __getattr__(name: str) -> Any:
    """What few runs need, where others import it from."""
    if name not in ("VHostDeviceVsock", "VLan", "VsockPair"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from test_driver import vlan, vsock

    return getattr(vlan if name == "VLan" else vsock, name)


class _MachineList(list[BaseMachine]):
    """The machines by name; a machine appended to it is cleaned up with the others."""

    def __init__(self, driver: Driver) -> None:
        machines: list[BaseMachine] = [*driver.machines_qemu, *driver.machines_nspawn]
        super().__init__(sorted(machines, key=lambda machine: machine.name))
        self._driver = driver

    def append(self, machine: BaseMachine) -> None:
        super().append(machine)
        own: list[Any] = self._driver.machines_qemu
        if isinstance(machine, engine.NspawnMachine):
            own = self._driver.machines_nspawn
        if machine not in own:
            own.append(machine)


class Driver:
    """Owns everything that a run starts. A context manager: at its end all of it is gone."""

    config: DriverConfiguration
    """What is run."""
    interactive: bool
    """Whether there is a prompt instead of a test."""
    global_timeout: float | None
    """How long the test may take, in seconds."""
    tests: str
    """The text of the test script."""
    logger: AbstractLogger
    """The test log."""
    debug: DebugAbstract
    """Stops the test for a debugger."""
    vlans: list[VLan]
    """The networks."""
    vhost_vsock: VHostDeviceVsock | None
    """The vsocks of the SSH backdoor; None without it."""
    machines_qemu: list[QemuMachine]
    """The QEMU machines. One that is appended is cleaned up with the others."""
    machines_nspawn: list[NspawnMachine]
    """The systemd-nspawn machines."""
    polling_conditions: list[PollingCondition]
    """The conditions in force."""

    def __init__(
        self,
        config: DriverConfiguration,
        out_dir: str | Path,
        logger: AbstractLogger | None = None,
        *,
        interactive: bool = False,
        keep_machine_state: bool = False,
        tmp_dir: str | Path | None = None,
        pcap: bool = False,
    ) -> None:
        """Of what a configuration has; machines are made when the context is entered.

        Scripts can have one within the run, whose state and sockets are in a directory of their
        own then, below the run's.
        """
        self.config = config
        self.interactive = interactive
        self.global_timeout = config.seconds
        self._out_dir = out_dir
        self._tmp_dir = tmp_dir or _own_directory()
        self.logger = logger or Logger()
        self._keep_machine_state = keep_machine_state
        self._pcap = pcap
        self._recorded: list[Capture] = []
        self._displays: list[Display] = []
        self.debug = DebugNop()
        self._global_deadline: float | None = None
        self.vlans = []
        self.vhost_vsock = None
        self.machines_qemu = []
        self.machines_nspawn = []
        self.polling_conditions = []
        self._runs = Runs(self)
        self.tests = self._runs.read()
        self._created: list[QemuMachine] = []  # all of them, whatever scripts do to the lists
        self._boxes: list[NspawnMachine] = []  # the same

    @property
    def out_dir(self) -> Path:
        """Where what a test brings out goes; the current directory unless -o says otherwise."""
        from pathlib import Path

        return Path(self._out_dir)

    @out_dir.setter
    def out_dir(self, directory: Path) -> None:
        self._out_dir = directory

    @property
    def tmp_dir(self) -> Path:
        """The base directory, in which state and sockets are."""
        from pathlib import Path

        return Path(self._tmp_dir)

    @tmp_dir.setter
    def tmp_dir(self, directory: Path) -> None:
        self._tmp_dir = directory

    # ------------------------------------------------------------------------------ begin and end

    def __enter__(self) -> Driver:
        try:
            self._start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def _start(self) -> None:
        wants_vsock = self.config.enable_ssh_backdoor or engine.options().vsock_backdoor
        if wants_vsock and self.config.vms:
            from test_driver.vsock import VHostDeviceVsock  # few runs need it

            self.vhost_vsock = VHostDeviceVsock(
                self._tmp_dir, list(self.config.vms), self.config.vsock_siblings
            )
        containers = engine.ContainerHost(self._tmp_dir) if self.config.containers else None
        if self.config.vlans:
            from test_driver.vlan import VLan

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
            for machine in machines:  # all at once: some take their time
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
        """All machines, sorted by name. One that is appended is cleaned up with the others."""
        return _MachineList(self)

    def create_machine(
        self,
        start_command: str | dict[str, Any],
        *,
        name: str | None = None,
        keep_machine_state: bool = False,
        keep_vm_state: bool = False,
    ) -> QemuMachine:
        """One more QEMU machine, started with ``start_command``; it ends with the run.

        The command runs through a shell, in the machine's state directory, with the driver's
        arguments for QEMU behind it. Without ``name`` it is NAME if the command ends with
        ``run-NAME-vm``, else ``machine``. ``keep_vm_state`` is the older name of
        ``keep_machine_state``. Up to 23.11 the argument was a dictionary with these keys.
        """
        if isinstance(start_command, dict):
            return self.create_machine(**_arguments_of(start_command))
        machine = self._create(start_command, name, keep_machine_state or keep_vm_state)
        if self._has_ssh_backdoor:
            self.logger.warning(
                f"machine '{machine.name}' has no SSH backdoor: "
                "only those of the configuration have one"
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
        """Start all machines at the same time."""
        with self.logger.nested("start all VMs"):
            engine.start_all(list(self.machines))

    def join_all(self) -> None:
        """Wait until all machines have shut down."""
        with self.logger.nested("wait for all VMs to finish"):
            for machine in self.machines:
                machine.wait_for_shutdown()

    # ------------------------------------------------------------------------------ the script

    def subtest(self, name: str) -> AbstractContextManager[None]:
        """A context manager for one part of the test: grouped in the log, a case in reports."""
        return self.logger.subtest(name)

    if TYPE_CHECKING:

        @overload
        def polling_condition(
            self,
            fun_: Callable[[], Any],
            *,
            seconds_interval: float | None = None,
            description: str | None = None,
            interval: Duration | None = None,
        ) -> PollingCondition: ...

        @overload
        def polling_condition(
            self,
            fun_: None = None,
            *,
            seconds_interval: float | None = None,
            description: str | None = None,
            interval: Duration | None = None,
        ) -> Callable[[Callable[[], Any]], PollingCondition]: ...

    def polling_condition(
        self,
        fun_: Callable[[], Any] | None = None,
        *,
        seconds_interval: float | None = None,
        description: str | None = None,
        interval: Duration | None = None,
    ) -> PollingCondition | Callable[[Callable[[], Any]], PollingCondition]:
        """Decorator (or call) that makes a function a condition to require or to wait for.

        ``with condition:`` has it checked before each command of a machine in the block, at most
        every ``seconds_interval`` seconds (2, or ``interval`` as a timedelta);
        PollingConditionError if it is false or raises. ``condition.wait()`` blocks until it holds.
        """
        from test_driver.polling_condition import PollingCondition, interval_of

        driver = self
        every = interval_of(seconds_interval, interval)

        class Registered(PollingCondition):
            def __enter__(self) -> PollingCondition:
                driver.polling_conditions.append(self)
                return super().__enter__()

            def __exit__(self, *exception: Any) -> None:
                driver.polling_conditions.remove(self)
                super().__exit__(*exception)

        def make(function: Callable[[], Any]) -> PollingCondition:
            return Registered(function, self.logger, None, description, every)

        return make if fun_ is None else make(fun_)

    def check_polling_conditions(self) -> None:
        """Raise PollingConditionError if a condition in force does not hold."""
        for condition in self.polling_conditions:
            condition.maybe_raise()

    def serial_stdout_on(self, *machines: BaseMachine) -> None:
        """Show the consoles of these machines, or of all, in the terminal."""
        self._show_serial(True, machines)

    def serial_stdout_off(self, *machines: BaseMachine) -> None:
        """Leave the consoles of these machines, or of all, out of the terminal.

        Reports still have them.
        """
        self._show_serial(False, machines)

    def _show_serial(self, shown: bool, machines: tuple[BaseMachine, ...]) -> None:
        for machine in machines:
            engine.show_serial_of(machine.name, shown)
        if not machines:
            self.logger.print_serial_logs(shown)

    def dump_machine_ssh(self) -> None:
        """Print how to reach each machine by SSH; needs the SSH backdoor."""
        if self._has_ssh_backdoor:
            from test_driver import vsock

            vsock.print_commands(self.machines, self.logger)
        else:
            self.logger.warning("there is no SSH backdoor in this run")

    def test_symbols(self) -> dict[str, Any]:
        """The names that the script finds; prints them."""
        return self._test_symbols(self.general_symbols())

    def _test_symbols(self, general: dict[str, Any]) -> dict[str, Any]:
        machines = self.machines
        own: dict[str, BaseMachine | VLan] = {
            pythonize_name(machine.name): machine for machine in machines
        }
        for name, machine in self._by_host_name().items():
            if name not in general:
                own.setdefault(name, machine)
        if len(machines) == 1:
            own.setdefault(ALIAS, machines[0])
        own |= {f"vlan{vlan.nr}": vlan for vlan in self.vlans}
        print("additionally exposed symbols:")
        if own:
            print(f"    {', '.join(own)},")
        print(f"    {', '.join(symbols.names())}")
        return general | own

    def _script_symbols(self) -> dict[str, Any]:
        """The same as the script's globals. In releases of which callers know that a single
        machine's second name will go, each use of that is worth a warning."""
        whole = self.interactive or not isinstance(self.debug, DebugNop)
        found = self._test_symbols(symbols.values(self, None if whole else self.tests))
        machine = found.get(ALIAS)
        if not engine.warns_of_old_forms() or machine is None or len(self.machines) != 1:
            return found
        own = pythonize_name(machine.name)
        if own != ALIAS:
            del found[ALIAS]
            found["__builtins__"] = symbols.OldNames(
                {ALIAS: machine},
                f"the name `{ALIAS}` for the only one, which is `{own}`, will go with NixOS 27.05",
            )
        return found

    def _by_host_name(self) -> dict[str, BaseMachine]:
        """The machines by the ``name`` that the file gives them, but for names of several."""
        by_name = {machine.name: machine for machine in self.machines}
        found: dict[str, list[BaseMachine]] = {}
        for key, config in [*self.config.vms.items(), *self.config.containers.items()]:
            if key in by_name:  # a script may have taken it out
                found.setdefault(pythonize_name(config.name), []).append(by_name[key])
        return {name: machines[0] for name, machines in found.items() if len(machines) == 1}

    def general_symbols(self) -> dict[str, Any]:
        """Those that do not depend on the test."""
        return symbols.values(self)

    def test_script(self, from_line: int | None = None, from_subtest: str | None = None) -> None:
        """Run the test script; at the prompt as often as you like, also a part of it.

        It is read again if its file has changed. A run from the beginning begins anew: it finds the
        names that every script finds, and machines that the run before has made itself are ended.
        The others live on.

        A run from a line, or from the subtest of that name, goes on with what the run before has
        left: its variables keep their values; imports, functions and classes before that place are
        defined again. A line within ``with`` blocks is run within them; one in any other block
        stands for the whole of that.
        """
        with self.logger.nested("run the VM test script"):
            self._runs.run(from_line, from_subtest)

    def watch(self) -> None:
        """Run the test, and again whenever the script is saved, until Ctrl-C (--watch).

        The machines live on between the runs. Ctrl-C during a run ends that run only.
        """
        self._runs.watch()

    def _arm_global_timeout(self, seconds: float) -> None:
        self._global_deadline = time.monotonic() + seconds
        engine.set_global_timeout(seconds)

    def terminate_test(self) -> None:
        """End the run at once, as its time limit does."""
        self._arm_global_timeout(0)
        while True:  # nothing of the script runs any more
            time.sleep(1)

    def run_tests(self) -> None:
        """Run the test script, then have each machine that is up write its disks.

        A container has none: its files are the host's.
        """
        self.test_script()
        machines = sorted(self.machines_qemu, key=lambda machine: machine.name)
        if machines:
            from test_driver import last_writes

            last_writes.sync(machines, self.logger)

    def _drop_recordings(self) -> None:
        """The test has passed: nobody will look at them."""
        for capture in self._recorded:
            capture.stop()
            capture.path.unlink(missing_ok=True)


def pythonize_name(name: str) -> str:
    """The identifier under which the script has the machine of that name: ``web-1`` is web_1."""
    return engine.python_name(name)


def in_nix_sandbox() -> bool:
    """Whether this is a Nix build, and not a shell that looks like one."""
    return "NIX_BUILD_TOP" in os.environ and "IN_NIX_SHELL" not in os.environ


def of_this_run() -> Driver:
    """The driver of what the command line asked for."""
    options = engine.options()
    driver = Driver(
        of_engine(options.config),
        options.out_dir,
        interactive=options.interactive or options.watch,
        keep_machine_state=options.keep_machine_state,
        tmp_dir=options.tmp_dir,
        pcap=options.pcap,
    )
    if options.debug_hook_attach:
        from test_driver.debug import Debug

        driver.debug = Debug(driver, options.debug_hook_attach)
    return driver


def _own_directory() -> Path:
    import tempfile
    from pathlib import Path

    return Path(tempfile.mkdtemp(prefix="driver-", dir=engine.options().tmp_dir))


def _arguments_of(old_form: dict[str, Any]) -> dict[str, Any]:
    """create_machine()'s arguments from the dictionary that older releases took."""
    known = ("name", "keep_machine_state", "keep_vm_state")
    arguments = {key: old_form[key] for key in known if key in old_form}
    start_command = old_form.get("startCommand", old_form.get("start_command"))
    if start_command is None:
        raise ValueError("create_machine: the dictionary has no startCommand")
    return {"start_command": start_command, **arguments}
