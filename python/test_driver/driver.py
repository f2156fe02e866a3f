"""A test run: its networks and machines, the symbols of its script, and its end."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _ntd

from test_driver import script
from test_driver.errors import MachineError
from test_driver.logger import Logger
from test_driver.machine import BaseMachine, Machine, QemuMachine, retry

if TYPE_CHECKING:
    from types import TracebackType

VLan = _ntd.VLan


class Driver:
    """Owns everything that a run starts. A context manager: at its end all of it is gone."""

    def __init__(self, options: _ntd.RunOptions) -> None:
        self._options = options
        self.config = options.config
        self.interactive = options.interactive
        self.out_dir = Path(options.out_dir)
        self.tmp_dir = Path(options.tmp_dir)
        self.logger = Logger()
        self.vlans: list[VLan] = []
        self.machines_qemu: list[QemuMachine] = []
        self.tests = self._read_script()
        self._globals: dict[str, Any] = {}  # kept until all machines are gone: it may hold disks

    def _read_script(self) -> str:
        path = str(self.config.test_script)
        if not path or path == ".":
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()

    def __enter__(self) -> Driver:
        try:
            self._start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def _start(self) -> None:
        self._check_supported()
        if self.config.vlans:
            with self.logger.nested("start all VLans"):
                for number in self.config.vlans:
                    self._start_vlan(number)
        for machine in self.config.vms:
            self._create(machine.start_script, machine.name)

    def _check_supported(self) -> None:
        if self.config.containers:
            names = ", ".join(machine.name for machine in self.config.containers)
            raise MachineError(f"containers cannot be run by this version: {names}")
        if self.config.enable_ssh_backdoor:
            self.logger.warning("this version has no SSH backdoor: enable_ssh_backdoor is ignored")
        if self._options.debug_hook_attach:
            self.logger.warning("this version has no debug hook: --debug-hook-attach is ignored")

    def _start_vlan(self, number: int) -> None:
        vlan = VLan(number, self.tmp_dir)
        os.environ[f"QEMU_VDE_SOCKET_{number}"] = str(vlan.socket_dir)
        self.vlans.append(vlan)

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._clean_up()

    def _clean_up(self) -> None:
        with self.logger.nested("cleanup"):
            for machine in self.machines_qemu:
                machine.release()
            for vlan in self.vlans:
                vlan.stop()
        self._globals.clear()

    @property
    def machines(self) -> list[Any]:
        """All machines, sorted by name."""
        return sorted(self.machines_qemu, key=lambda machine: machine.name)

    def create_machine(
        self,
        start_command: str,
        *,
        name: str | None = None,
        keep_machine_state: bool = False,
    ) -> QemuMachine:
        """One more QEMU machine, started with ``start_command``; it ends with the run."""
        return self._create(start_command, name or _ntd.machine_name(start_command), keep_machine_state)

    def _create(self, start_command: str, name: str, keep_machine_state: bool = False) -> QemuMachine:
        machine = QemuMachine(
            start_command,
            name=name,
            out_dir=self.out_dir,
            tmp_dir=self.tmp_dir,
            keep_machine_state=keep_machine_state or self._options.keep_machine_state,
        )
        self.machines_qemu.append(machine)
        return machine

    def start_all(self) -> None:
        """Start all machines at the same time."""
        with self.logger.nested("start all VMs"):
            _ntd.start_all(self.machines)

    def join_all(self) -> None:
        """Wait until all machines have shut down."""
        with self.logger.nested("wait for all VMs to finish"):
            for machine in self.machines:
                machine.wait_for_shutdown()

    def subtest(self, name: str) -> _ntd.Scope:
        return self.logger.subtest(name)

    def test_symbols(self) -> dict[str, Any]:
        """The names that the script finds, and prints them."""
        symbols: dict[str, Any] = {
            "start_all": self.start_all,
            "test_script": self.test_script,
            "machines": self.machines,
            "machines_qemu": self.machines_qemu,
            "vlans": self.vlans,
            "driver": self,
            "log": self.logger,
            "os": os,
            "create_machine": self.create_machine,
            "subtest": self.subtest,
            "run_tests": self.run_tests,
            "join_all": self.join_all,
            "retry": retry,
            "Machine": Machine,
            "BaseMachine": BaseMachine,
            "QemuMachine": QemuMachine,
        }
        own = {_ntd.python_name(machine.name): machine for machine in self.machines}
        if len(self.machines) == 1:
            own.setdefault("machine", self.machines[0])
        own |= {f"vlan{vlan.nr}": vlan for vlan in self.vlans}
        print("additionally exposed symbols:")
        print(f"    {', '.join(own)},")
        print(f"    {', '.join(symbols)}")
        return symbols | own

    def test_script(self) -> None:
        """Run the test script."""
        with self.logger.nested("run the VM test script"):
            self._globals = self.test_symbols()
            script.execute(self.tests, self._globals)

    def run_tests(self) -> None:
        """Run the test script, then have each machine that is up write its disks."""
        if self.config.global_timeout is not None and not self.interactive:
            limit = self.config.global_timeout
            self.logger.info(f"Test will time out and terminate in {limit:g} seconds")
            _ntd.set_global_timeout(limit)
        self.test_script()
        for machine in self.machines:
            if machine.is_up():
                machine.execute("sync")
        _ntd.clear_global_timeout()


def run(driver: Driver) -> tuple[int, int]:
    """Run the tests; (exit status, 0), or (0, signal) if the process should die by one."""
    try:
        driver.run_tests()
    except SystemExit as end:
        return _status_of(end), 0
    except KeyboardInterrupt as error:
        driver.logger.log_test_error(script.describe_failure(error, driver.tests))
        return 0, int(signal.SIGINT)
    except BaseException as error:  # whatever the script raised is a failed test
        driver.logger.log_test_error(script.describe_failure(error, driver.tests))
        return 1, 0
    return 0, 0


def _status_of(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1
