"""Read and run the test script: once in a test, any number of times at the prompt."""

from __future__ import annotations

import os
import sys
import time

from test_driver._engine import engine
from test_driver.logger import failure
from test_driver.process import forks
from test_driver.script import symbols

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Protocol

    from test_driver.machine import QemuMachine

    class Run(symbols.Run, Protocol):
        """The part of Driver that running its script needs."""

        tests: str
        machines_qemu: list[QemuMachine]
        _created: list[QemuMachine]

        def run_tests(self) -> None: ...


# Seconds between checks of the script's file. inotify reports most changes earlier, but not those
# made by another host, nor a change of a symbolic link in the path.
LOOK_INTERVAL = 1.0
SAVING = 0.2  # an editor has finished saving if the file has not changed for so many seconds


class Runs:
    """Reads and runs a driver's script, and cleans up after the previous run."""

    def __init__(self, driver: Run) -> None:
        self._driver = driver
        self._path = os.fspath(driver.config._test_script)
        self._read_at: object = None  # the file's state when it was read
        # The globals of all runs are kept: they may own resources such as disks of machines.
        self._globals: list[dict[str, Any]] = []
        self._made: list[QemuMachine] = []  # machines that the last run has created
        self._given: set[str] = set()  # the names that the last run started with
        self._prompt: dict[str, Any] | None = None

    def read(self) -> str:
        """Read the script's file; return its text."""
        if self._path in ("", "."):
            return ""
        self._read_at = self._state_of_file()
        with open(self._path, encoding="utf-8") as file:
            return file.read()

    def check_selection(self) -> None:
        """Raise NoSuchSubtest if the script clearly has no subtest that --subtest selects."""
        if engine.options().subtests:
            from test_driver.script import selection  # few runs need it

            selection.check(self._driver.tests)

    def run(self, from_line: int | None, from_subtest: str | None) -> None:
        """See Driver.test_script()."""
        self._read_again_if_changed()
        source = self._driver.tests
        if from_line is None and from_subtest is None:
            code = _whole(source)
            self._forget_last_run()
            self._begin_anew()
        else:
            code = _beginning_at(source, from_line, from_subtest)
            if not self._globals:
                self._begin_anew()
        known = len(self._driver._created)
        try:
            with forks.going_no_further():
                self._execute(code)
        except SystemExit as end:
            if not self._driver.interactive:
                raise
            _check_status(end)
        finally:
            self._made += self._driver._created[known:]
            self._publish()

    def _execute(self, code: CodeType) -> None:
        options = engine.options()
        if not (options.keep_going or options.subtests):
            exec(code, self._globals[-1])
            return
        from test_driver.logger import subtests  # few runs need it here

        with subtests.Run(self._driver.tests, self._driver.debug.post_mortem):
            exec(code, self._globals[-1])

    def show_at_prompt(self, names: dict[str, Any]) -> None:
        """Add what runs define to ``names``, the namespace of the prompt."""
        self._prompt = names
        self._publish()

    def watch(self) -> None:
        """Run the script, and again each time its file is saved, until Ctrl-C."""
        log = self._driver.logger
        while True:
            try:
                self._driver.run_tests()
                log.info("the test script has passed")
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                log.log_test_error(failure.describe_failure(error, self._driver.tests))
            log.info(f"waiting for {self._path} to be saved (Ctrl-C ends this)")
            self._wait_until_saved()

    # ------------------------------------------------------------------------------ the file

    def _state_of_file(self) -> object:
        status = os.stat(self._path)
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _has_changed(self) -> bool:
        try:
            return self._path not in ("", ".") and self._state_of_file() != self._read_at
        except OSError:  # missing, perhaps only while an editor saves it
            return False

    def _read_again_if_changed(self) -> None:
        if self._has_changed():
            self._driver.logger.info(f"{self._path} has changed: reading it again")
            self._driver.tests = self.read()

    def _wait_until_saved(self) -> None:
        import select

        changes = engine.DirectoryWatch(os.path.dirname(os.path.realpath(self._path)))
        while not self._has_changed():
            select.select([changes.fd], [], [], LOOK_INTERVAL)
            changes.reset()
        while True:  # wait until the editor has finished
            before = self._state_of_file()
            time.sleep(SAVING)
            if self._state_of_file() == before:
                return

    # ------------------------------------------------------------------------------ the last run

    def _forget_last_run(self) -> None:
        """End the machines that the last run created: the next run creates them again."""
        driver = self._driver
        for machine in self._made:
            driver.logger.info(f"ending machine '{machine.name}', which the last run created")
            machine.release()
            driver._created.remove(machine)
            if machine in driver.machines_qemu:
                driver.machines_qemu.remove(machine)
        self._made = []

    def _begin_anew(self) -> None:
        names = symbols.of_script(self._driver)
        self._given = set(names)
        self._globals.append(names)

    def _publish(self) -> None:
        if self._prompt is None or not self._globals:
            return
        for name, value in self._globals[-1].items():
            if name not in self._given and not name.startswith("__"):
                self._prompt[name] = value


def _check_status(end: SystemExit) -> None:
    """At the prompt, exit() ends only the run of the script. A failure becomes a RuntimeError."""
    if end.code not in (None, 0):
        error = RuntimeError(f"the test script ended with sys.exit({end.code!r})")
        raise error.with_traceback(sys.exc_info()[2])


def _whole(source: str) -> CodeType:
    """Compile the whole script."""
    if engine.options().subtests:
        return _rewritten(source, source, selects=True)
    if "\0" in source:  # let Python raise its own error
        return _rewritten(source, source)
    if "assert" in source:
        try:
            return _rewritten(source, source)
        except RecursionError:  # only Python's own compiler can take such a script
            pass
    return engine.compile_script(source, failure.FILE_NAME)


def _beginning_at(source: str, line: int | None, subtest: str | None) -> CodeType:
    """Compile the script from a line or subtest on. See Driver.test_script()."""
    from test_driver.script import part  # few runs need it

    selects = bool(engine.options().subtests)
    return _rewritten(part.beginning_at(source, line, subtest), source, selects=selects)


def _rewritten(script: Any, source: str, *, selects: bool = False) -> CodeType:
    """Compile a script, given as text or parsed, with what only a rewritten script can do.

    Its failed asserts show values; and if it ``selects``, it runs only the subtests of --subtest.
    """
    from test_driver.script import asserts, hidden  # take time, and not all scripts have an assert

    if isinstance(script, str):
        only_parse = 0x400  # ast.PyCF_ONLY_AST
        script = compile(script, failure.FILE_NAME, "exec", only_parse, dont_inherit=True)
    objects: dict[str, Any] = {}
    if selects:
        from test_driver.script import selection  # few runs need it

        objects[selection.STAND_IN] = selection.guard(script)
    objects[asserts.STAND_IN] = asserts.watch(script, source)
    # dont_inherit: else the script would get this file's `from __future__ import annotations`.
    code: CodeType = compile(script, failure.FILE_NAME, "exec", dont_inherit=True)
    return hidden.put_in(code, objects)
