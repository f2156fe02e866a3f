# With the imports and names that NixOS 26.11 puts before a test script to have it checked: as
# values, because its checker takes a bare annotation for a name that has none.
from contextlib import contextmanager
from typing import Any, Callable, ContextManager, Generator, List, Optional, Union
from unittest import TestCase

from test_driver.debug import DebugAbstract, DebugNop
from test_driver.driver import Driver
from test_driver.logger import AbstractLogger, CompositeLogger
from test_driver.machine import BaseMachine, NspawnMachine, QemuMachine
from test_driver.vlan import VLan


class AssertionTester(TestCase):
    pass


def some_driver() -> Driver:
    raise NotImplementedError


def some_qemu_machine() -> QemuMachine:
    raise NotImplementedError


def some_nspawn_machine() -> NspawnMachine:
    raise NotImplementedError


def some_vlan() -> VLan:
    raise NotImplementedError


debug: DebugAbstract = DebugNop()
log: AbstractLogger = CompositeLogger([])
driver = some_driver()
machines: List[BaseMachine] = []
machines_nspawn: List[NspawnMachine] = []
machines_qemu: List[QemuMachine] = []
t = AssertionTester()
vlans: List[VLan] = []


def create_machine(
    start_command: str, name: str | None = None, keep_machine_state: bool = False
) -> QemuMachine:
    raise NotImplementedError


def polling_condition(
    fun: Callable | None, seconds_interval: float = 0.0, description: str | None = None
): ...


def retry(fn: Callable, timeout_seconds: int = 900) -> None: ...


def dump_machine_ssh() -> None: ...


def join_all() -> None: ...


def run_tests() -> None: ...


def serial_stdout_off() -> None: ...


def serial_stdout_on() -> None: ...


def start_all() -> None: ...


def test_script() -> None: ...


@contextmanager
def subtest(name: str) -> Generator[None, None, None]:
    yield


web = some_qemu_machine()
db = some_qemu_machine()
box = some_nspawn_machine()
vlan1 = some_vlan()
