"""The global names of test scripts: those of every script, and those of machines and networks."""

from __future__ import annotations

import builtins
import os
import warnings

from test_driver._engine import engine
from test_driver.debug import DebugNop
from test_driver.machine import BaseMachine, Machine, QemuMachine

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from test_driver.config import DriverConfiguration
    from test_driver.debug import DebugAbstract
    from test_driver.logger import AbstractLogger

    class Run(Protocol):
        """The part of Driver that the names need."""

        config: DriverConfiguration
        interactive: bool
        tests: str
        logger: AbstractLogger
        debug: DebugAbstract

        @property
        def machines(self) -> list[BaseMachine]: ...
        @property
        def vlans(self) -> Sequence[engine.VLan]: ...

    Names = dict[str, Any]
else:
    Names = dict

ALIAS = "machine"  # a second name for the machine if there is only one

# Names in scripts, and the attribute of Driver that each stands for.
OF_DRIVER = {
    "start_all": "start_all",
    "test_script": "test_script",
    "machines": "machines",
    "machines_qemu": "machines_qemu",
    "machines_nspawn": "machines_nspawn",
    "vlans": "vlans",
    "log": "logger",
    "create_machine": "create_machine",
    "subtest": "subtest",
    "run_tests": "run_tests",
    "join_all": "join_all",
    "serial_stdout_off": "serial_stdout_off",
    "serial_stdout_on": "serial_stdout_on",
    "polling_condition": "polling_condition",
    "debug": "debug",
    "dump_machine_ssh": "dump_machine_ssh",
}


class Assertions:
    """Has the methods of unittest.TestCase; failures raise RequestedAssertionFailed."""

    def __getattr__(self, name: str) -> Any:
        if "_case" not in self.__dict__:  # on first use: importing unittest takes time
            self._case = _new_test_case()
        return getattr(self._case, name)


def _new_test_case() -> Any:
    import unittest

    from test_driver.errors import RequestedAssertionFailed

    class Asserts(unittest.TestCase):
        failureException = RequestedAssertionFailed
        maxDiff = None

    return Asserts()


class OldNames(Names):
    """Replaces ``__builtins__`` in a script, with some deprecated names added.

    Each place that uses one of them gets a warning. A script can define such a name itself; then
    there is no warning.
    """

    def __init__(self, names: dict[str, Any], warning: str) -> None:
        # The interpreter looks up dunder names directly, without calling __missing__().
        super().__init__({name: vars(builtins)[name] for name in dir(builtins) if name[:2] == "__"})
        self._names = names
        self._warning = warning

    def __missing__(self, name: str) -> Any:
        if name not in self._names:
            return vars(builtins)[name]
        warnings.warn(self._warning, stacklevel=2)
        return self._names[name]


class Later:
    """A name from a module that is imported only if the script may use it, to save time."""

    def __init__(self, module: str) -> None:
        self._module = module

    def value(self, name: str) -> Any:
        return getattr(__import__(self._module, fromlist=[name]), name)


# Names whose value is the same in every run.
CONSTANT = {
    "os": os,
    "retry": Later("test_driver.machine"),
    "Machine": Machine,
    "BaseMachine": BaseMachine,
    "QemuMachine": QemuMachine,
    "NspawnMachine": Later("test_driver.machine"),
    "VLan": Later("test_driver.network.vlan"),
    "Any": Later("typing"),
    "t": Assertions(),
}

# A script can see whether a global name is missing only if its text has that name or one of these
# words. So a Later name can be left out of other scripts.
WAYS_TO_ALL_NAMES = (
    *("globals", "locals", "vars", "dir", "exec", "eval"),
    *("inspect", "breakpoint", "pdb", "interact"),
)


def sees_all_names(script: str) -> bool:
    """Whether the script may access global names that do not occur in its text."""
    return "frame" in script or any(has_word(script, word) for word in WAYS_TO_ALL_NAMES)


def has_word(text: str, word: str) -> bool:
    """Whether ``text`` has ``word`` as a whole word. (Importing re would take longer than this.)"""
    parts = text.split(word)
    return any(
        not _is_of_word(left[-1:]) and not _is_of_word(right[:1])
        for left, right in zip(parts, parts[1:])
    )


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def names() -> list[str]:
    """The names that every script has, for checkers of scripts."""
    return [*OF_DRIVER, "driver", *CONSTANT]


def values(driver: Run, script: str | None = None) -> dict[str, Any]:
    """The names that every script has, with their values in this run.

    With ``script``, only the names that this script can see.
    """
    own = {name: getattr(driver, attribute) for name, attribute in OF_DRIVER.items()}
    sees_all = script is None or sees_all_names(script)
    constant = {
        name: constant_value(name)
        for name, value in CONSTANT.items()
        if sees_all or not isinstance(value, Later) or (script and name in script)
    }
    return {**own, "driver": driver, **constant}


def constant_value(name: str) -> Any:
    value = CONSTANT[name]
    return value.value(name) if isinstance(value, Later) else value


def of_test(driver: Run, general: dict[str, Any]) -> dict[str, Any]:
    """The ``general`` names and those of the run's machines and networks; prints them."""
    machines = driver.machines
    own: dict[str, BaseMachine | engine.VLan] = {
        engine.python_name(machine.name): machine for machine in machines
    }
    for name, machine in _by_host_name(driver).items():
        if name not in general:
            own.setdefault(name, machine)
    if len(machines) == 1:
        own.setdefault(ALIAS, machines[0])
    own |= {f"vlan{vlan.nr}": vlan for vlan in driver.vlans}
    print("additionally exposed symbols:")
    if own:
        print(f"    {', '.join(own)},")
    print(f"    {', '.join(names())}")
    return general | own


def of_script(driver: Run) -> dict[str, Any]:
    """The globals of the script.

    In releases that deprecate ``machine`` as the second name of a single machine, its use causes a
    warning.
    """
    whole = driver.interactive or not isinstance(driver.debug, DebugNop)
    found = of_test(driver, values(driver, None if whole else driver.tests))
    machine = found.get(ALIAS)
    if not engine.warns_of_old_forms() or machine is None or len(driver.machines) != 1:
        return found
    own = engine.python_name(machine.name)
    if own != ALIAS:
        del found[ALIAS]
        found["__builtins__"] = OldNames(
            {ALIAS: machine},
            f"the name `{ALIAS}` for the only one, which is `{own}`, will go with NixOS 27.05",
        )
    return found


def _by_host_name(driver: Run) -> dict[str, BaseMachine]:
    """The machines by their host name; names that several machines have are left out."""
    by_name = {machine.name: machine for machine in driver.machines}
    found: dict[str, list[BaseMachine]] = {}
    for key, config in [*driver.config.vms.items(), *driver.config.containers.items()]:
        if key in by_name:  # a script may have removed the machine
            found.setdefault(engine.python_name(config.name), []).append(by_name[key])
    return {name: machines[0] for name, machines in found.items() if len(machines) == 1}
