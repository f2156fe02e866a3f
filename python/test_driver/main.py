"""The main function of the driver's Python side."""

from __future__ import annotations

import _thread
import io
import os
import sys
import time

from test_driver import process
from test_driver._engine import engine
from test_driver.config import of_engine
from test_driver.driver import Driver
from test_driver.errors import MachineError, NoSuchSubtest, SubtestsFailed
from test_driver.logger import Logger, reports
from test_driver.logger.failure import describe_failure
from test_driver.process import forks


TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from test_driver.logger.verdict import Verdict

EVIDENCE_LIMIT = 10.0  # seconds until what the machines know must be collected


def main() -> tuple[int, int, bool]:
    """Run what the command line asked for.

    Returns the exit status, the signal to die of (or 0), and whether threads are still running.
    """
    # Write each complete line at once: nothing is lost if the process is killed.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    reports.install()
    forks.install()
    try:
        return *_run_or_report(), process.leave()
    except KeyboardInterrupt:
        import signal

        return 0, int(signal.SIGINT), _thread._count() > 0


def _run_or_report() -> tuple[int, int]:
    try:
        return _run()
    except (MachineError, NoSuchSubtest, OSError) as error:  # starting up failed, before the script ran
        Logger().log_test_error(f"{type(error).__name__}: {error}")
        return 1, 0


def _run_for_a_person(driver: Driver) -> int:
    options = engine.options()
    if options.watch:
        try:
            driver.watch()
        except KeyboardInterrupt:
            if not options.interactive:
                raise
    from test_driver import repl  # not needed in a test run

    return repl.run(driver)


def _driver_of_this_run() -> Driver:
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


def _run() -> tuple[int, int]:
    driver = _driver_of_this_run()
    limit = driver.global_timeout
    if limit is not None and not driver.interactive:
        driver._arm_global_timeout(limit)  # never disarmed: it covers the cleanup, too
    if not driver.interactive:
        driver._runs.check_selection()
    begin = time.monotonic()
    run = _Run(driver)
    try:
        with driver:
            if driver.interactive:
                return _run_for_a_person(driver), 0
            result = run.test()
            if result[1] == 0 and engine.keeps_evidence(result == (0, 0)):
                engine.collect_evidence(driver.machines, EVIDENCE_LIMIT)
            machines = _machines_of(driver)
        if result == (0, 0):
            driver.logger.info(f"test passed in {time.monotonic() - begin:.1f} seconds{machines}")
    finally:
        engine.tell_verdict()  # the last words of the log
        run.finish_evidence()
    return result


def _machines_of(driver: Driver) -> str:
    """How many machines the test had, and how the first of them that runs is emulated."""
    count = len(driver.machines)
    running = (machine.pid for machine in driver.machines_qemu)
    pid = next((pid for pid in running if pid is not None), None)
    what = "with 1 machine" if count == 1 else f"with {count} machines"
    return f" {what}{_accelerator_of(pid)}" if count else ""


def _accelerator_of(pid: int | None) -> str:
    """Whether QEMU uses KVM; empty if that is unknown (it has ended, or this is not Linux)."""
    fds = f"/proc/{pid}/fd"
    try:
        links = [os.readlink(f"{fds}/{fd}") for fd in os.listdir(fds)]
    except OSError:
        return ""
    return " (KVM)" if "anon_inode:kvm-vm" in links else " (emulated, without KVM)"


class _Run:
    """One run of the test, and why it failed."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._begin = 0.0
        self._verdict: Verdict | None = None

    def test(self) -> tuple[int, int]:
        """Run the test; return (exit status, 0), or (0, signal) if the process should die of one."""
        driver = self._driver
        self._begin = time.monotonic()
        try:
            if driver.global_timeout is not None:
                limit = driver.global_timeout
                driver.logger.info(f"Test will time out and terminate in {limit:g} seconds")
            try:
                driver.run_tests()
            finally:
                engine.prepare_log_for_end()
            if not engine.options().keep_pcap:
                driver._drop_recordings()
        except SystemExit as end:
            status = process.status_of(end)
            if status != 0:
                self._judge(end)
            return status, 0
        except KeyboardInterrupt as error:
            import signal

            self._judge(error)
            return 0, int(signal.SIGINT)
        except SubtestsFailed as failures:  # which the log has described
            self._judge(failures)
            return 1, 0
        except BaseException as error:  # any exception of the script fails the test
            self._judge(error)
            if engine.options().debug_hook_attach:
                driver.logger.log_test_error(describe_failure(error, driver.tests))
            driver.debug.post_mortem(error)
            return 1, 0
        driver.logger.info(f"test script finished in {time.monotonic() - self._begin:.2f}s")
        return 0, 0

    def _judge(self, error: BaseException) -> None:
        """Prepare the last words of the log: why the test failed."""
        driver = self._driver
        engine.set_verdict(describe_failure(error, driver.tests))  # if we are interrupted here
        from test_driver.logger.verdict import judge, last_words  # not needed if a test passes

        self._verdict = judge(error, driver.tests)
        script = os.fspath(driver.config._test_script)
        words = last_words(
            self._verdict, error, driver.tests, driver.machines, self._begin, script
        )
        engine.set_verdict(self._verdict.failure, words, isinstance(error, SubtestsFailed))

    def finish_evidence(self) -> None:
        """Write the log and the report, if they are to be kept."""
        passed = self._verdict is None
        if self._begin and engine.keeps_evidence(passed):
            engine.finish_evidence(passed, *(self._verdict or ("the test passed", "", 0, "")))
