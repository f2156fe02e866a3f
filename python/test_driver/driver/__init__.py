"""The test run, as scripts use it."""

from __future__ import annotations

import time

from test_driver._engine import engine
from test_driver.config import (
    DriverConfiguration,
    MachineConfiguration,
    in_nix_sandbox,
    load_driver_configuration,
)
from test_driver.debug import DebugNop
from test_driver.driver.parts import Parts
from test_driver.script import Runs, symbols

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any, overload

    from test_driver.debug import DebugAbstract
    from test_driver.duration import Duration
    from test_driver.logger import AbstractLogger
    from test_driver.network.vlan import VLan
    from test_driver.network.vsock import VHostDeviceVsock, VsockPair
    from test_driver.script.polling_condition import PollingCondition

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

NodeConfiguration = MachineConfiguration  # the class name in 26.05


def __getattr__(name: str) -> Any:
    """Import these names on first use: few runs need them."""
    if name not in ("VHostDeviceVsock", "VLan", "VsockPair"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from test_driver.network import vlan, vsock

    return getattr(vlan if name == "VLan" else vsock, name)


class Driver(Parts):
    """Owns everything that a run starts. As a context manager, ends all of it on exit."""

    global_timeout: float | None
    """The time limit of the whole test in seconds; None: no limit."""
    tests: str
    """The text of the test script."""
    debug: DebugAbstract
    """Stops the test for a debugger; the symbol ``debug``."""

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
        """Create a run from a configuration. Entering the context creates networks and machines.

        A script can create a Driver of its own. Without ``tmp_dir``, its state and sockets are in a
        new directory below the base directory of the run.
        """
        super().__init__(
            config,
            out_dir,
            logger,
            interactive=interactive,
            keep_machine_state=keep_machine_state,
            tmp_dir=tmp_dir,
            pcap=pcap,
        )
        self.global_timeout = config.seconds
        self._global_deadline: float | None = None
        self.debug = DebugNop()
        self._runs = Runs(self)
        self.tests = self._runs.read()

    # ------------------------------------------------------------------------------ the script

    def subtest(self, name: str) -> AbstractContextManager[None]:
        """Return a context manager for a part of the test, which is a test case in reports."""
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
        """Make a function a polling condition; works as a decorator, with or without arguments.

        In a block ``with condition:`` the function is called before each machine command, at most
        once per ``seconds_interval`` (default: 2 seconds) or ``interval`` (a timedelta). The
        command raises PollingConditionError if the function is false or raises an exception.
        ``condition.wait()`` waits until the condition holds.
        """
        from test_driver.script.polling_condition import PollingCondition, interval_of

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

    def test_symbols(self) -> dict[str, Any]:
        """Return the global names of the script with their values; prints the names."""
        return symbols.of_test(self, self.general_symbols())

    def general_symbols(self) -> dict[str, Any]:
        """Return the global names that every script has, with their values."""
        return symbols.values(self)

    def test_script(self, from_line: int | None = None, from_subtest: str | None = None) -> None:
        """Run the test script, or the part of it from a line or subtest to the end.

        At the prompt it can be called any number of times. The script is read again if its file has
        changed.

        A run of the whole script starts with fresh variables. Machines that the previous run
        created with create_machine() are ended; all others keep running.

        With ``from_line`` (a line number) or ``from_subtest`` (a name) the variables of the
        previous run are kept, and the imports, functions and classes before that place are defined
        again. If the place is in a ``with`` block, the block is entered first. A line in any other
        block, such as a loop, stands for the whole block; subtests in there are not found.

        Raises ValueError if there is no such line or subtest.
        """
        with self.logger.nested("run the VM test script"):
            self._runs.run(from_line, from_subtest)

    def watch(self) -> None:
        """Run the test, and again each time the script is saved, until Ctrl-C (--watch).

        The machines keep running between the runs. Ctrl-C during a run ends only that run.
        """
        self._runs.watch()

    def _arm_global_timeout(self, seconds: float) -> None:
        self._global_deadline = time.monotonic() + seconds
        engine.set_global_timeout(seconds)

    def terminate_test(self) -> None:
        """End the run at once, like the global timeout. Does not return."""
        self._arm_global_timeout(0)
        while True:  # the script must not continue
            time.sleep(1)

    def run_tests(self) -> None:
        """Run the test script, then make each running QEMU machine write its data to disk.

        Containers do not need this: their files are on the host.
        """
        self.test_script()
        machines = sorted(self.machines_qemu, key=lambda machine: machine.name)
        if machines:
            from test_driver.machine import last_writes

            last_writes.sync(machines, self.logger)


def pythonize_name(name: str) -> str:
    """Return the variable name for a machine in the script: ``web-1`` becomes ``web_1``."""
    return engine.python_name(name)
