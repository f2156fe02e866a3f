"""The modules imported before a script begins: importing takes most of the driver's start time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from harness import Result

RunDriver = Callable[..., Result]

# Modules of the standard library, besides those that Python itself imports.
LIBRARY = {
    "__future__",  # imported by all our modules
    "gc",  # finds the machines at the end
    "time",
    "warnings",  # to set the hook that logs warnings
}
PACKAGE = {
    "",  # test_driver itself
    "_engine",
    "config",  # parameter of Driver
    "debug",  # the name `debug`
    "driver",
    "driver.parts",
    "duration",  # default arguments of methods
    "errors",  # base classes
    "firmware",  # base class of QemuMachine
    "logger",  # the name `log`
    "logger.failure",
    "logger.reports",
    "machine",
    "machine.base",
    "machine.qemu",
    "main",
    "process",
    "process.forks",
    "screen",  # base class of QemuMachine
    "script",
    "script.symbols",
}

SHOW = "import sys\nprint('=', *sys.modules)\n"


def imported_by_python() -> set[str]:
    """The modules that Python and this installation's startup files always import."""
    command = [sys.executable, "-c", SHOW]
    return modules_in(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def modules_in(output: str) -> set[str]:
    return set(output.partition("=")[2].split())


def check_imports(result: Result, package: set[str]) -> None:
    modules = modules_in(result.must_succeed().stdout)
    ours = {name for name in modules if name.partition(".")[0] in ("test_driver", "_ntd")}
    others = {name for name in modules - ours - imported_by_python() if name[0] != "_"}
    assert others <= LIBRARY
    assert ours - {"_ntd"} <= {f"test_driver.{name}".rstrip(".") for name in package}


def test_nothing_is_imported_that_an_empty_test_does_not_need(run_driver: RunDriver) -> None:
    check_imports(run_driver(SHOW, {}), PACKAGE)


def test_nothing_more_is_imported_to_start_a_machine(run_driver: RunDriver) -> None:
    check_imports(run_driver("start_all()\n" + SHOW, vlans=[1]), PACKAGE | {"network", "network.vlan"})


@pytest.mark.parametrize(
    "script",
    [
        "import typing\nassert Any is typing.Any",
        "assert VLan.__name__ and NspawnMachine.__name__",
        "retry(lambda last: True)",
        "assert 're' 'try' in globals()",
        "def needs(what: 'Any') -> None: ...\nimport typing\ntyping.get_type_hints(needs)",
        "assert 'A' 'ny' in globals()",
        "assert 'V' 'Lan' in vars()",
        "assert 'Nspawn' 'Machine' in dir()",
        "exec('A' 'ny')",
        "eval('A' 'ny')",
        "eval ('A' 'ny')",
        "run = exec; run('A' 'ny')",
        "assert 'A' 'ny' in driver.test_symbols()",
    ],
)
def test_every_name_is_there_for_who_can_see_it(run_driver: RunDriver, script: str) -> None:
    run_driver(script, {}).must_succeed()
