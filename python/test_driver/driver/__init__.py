"""A test run, as its script sees it."""

from __future__ import annotations

import os
import time

from test_driver._engine import engine
from test_driver.config import DriverConfiguration, MachineConfiguration, load_driver_configuration
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

NodeConfiguration = MachineConfiguration  # its name in 26.05


def __getattr__(name: str) -> Any:
    """What few runs need, where others import it from."""
    if name not in ("VHostDeviceVsock", "VLan", "VsockPair"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from test_driver.network import vlan, vsock

    return getattr(vlan if name == "VLan" else vsock, name)


class Driver(Parts):
    """Owns everything that a run starts. A context manager: at its end all of it is gone."""

    global_timeout: float | None
    """How long the test may take, in seconds."""
    tests: str
    """The text of the test script."""
    debug: DebugAbstract
    """Stops the test for a debugger."""

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
        """The names that the script finds; prints them."""
        return symbols.of_test(self, self.general_symbols())

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
            from test_driver.machine import last_writes

            last_writes.sync(machines, self.logger)


def pythonize_name(name: str) -> str:
    """The identifier under which the script has the machine of that name: ``web-1`` is web_1."""
    return engine.python_name(name)


def in_nix_sandbox() -> bool:
    """Whether this is a Nix build, and not a shell that looks like one."""
    return "NIX_BUILD_TOP" in os.environ and "IN_NIX_SHELL" not in os.environ
