"""The report of ./compare on another driver: a stand-in that runs the test script with sh."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import conformance
import pytest

STAND_IN = """#!/bin/sh
case $* in *--help*) echo "  OPTION  ..."; exit ;; esac
for last; do :; done
exec sh "$(dirname "$last")/test.py"
"""

Compare = Callable[..., tuple[int, str]]


@pytest.fixture
def compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Compare:
    """Compare cases (script, case.toml) with the stand-in; return exit status and output."""

    def run(*cases: tuple[str, str], option: str = "--config") -> tuple[int, str]:
        for number, (script, toml) in enumerate(cases):
            directory = tmp_path / "cases" / "group" / str(number)
            directory.mkdir(parents=True)
            (directory / "test.py").write_text(script)
            (directory / "case.toml").write_text(f'covers = ["x.y"]\nmachines = {{}}\n{toml}\n')
        driver = tmp_path / "driver"
        driver.write_text(STAND_IN.replace("OPTION", option))
        driver.chmod(0o755)
        monkeypatch.setattr(conformance, "CASES", tmp_path / "cases")
        monkeypatch.setenv("NTD_REFERENCE_DRIVER", str(driver))
        monkeypatch.setattr(sys, "argv", ["compare"])
        return main_of("compare"), capsys.readouterr().out

    return run


def summary(release: str, cases: int, same: int, others: int = 0) -> str:
    numbers = f"{same} same, 0 explained, 0 unexplained, 0 stale, {others} of the other release"
    return f"{release}: {cases} cases: {numbers}\n"


def main_of(program: str) -> int:
    """Run main() of a program in this directory; return its result."""
    return int(runpy.run_path(str(Path(__file__).with_name(program)))["main"]())


def test_counts_what_is_the_same(compare: Compare) -> None:
    status, said = compare(("exit 0", ""), ("exit 3", "status = 3"))
    assert (status, said) == (0, summary("26.05", 2, same=2))


def test_fails_on_a_difference_that_no_line_explains(compare: Compare) -> None:
    said_last = """File "<string>", line 7, in <module>\nValueError: a word"""
    status, said = compare((f"echo '{said_last}' >&2; exit 1", ""))
    assert status == 1
    assert said.startswith("group/0: unexplained: expected status 0, got status 1 after ")
    assert ": line 7: ValueError: a word\n" in said


def test_a_line_explains_a_difference(compare: Compare) -> None:
    status, said = compare(("exit 1", 'differs = "it is slow"'))
    assert status == 0
    assert said.startswith("group/0: explained: ") and "(it is slow)" in said


def test_a_line_explains_one_release_only(compare: Compare) -> None:
    status, said = compare(("exit 1", 'differs = { "25.11" = "too old" }'))
    assert status == 1 and "1 unexplained" in said


def test_tells_of_a_line_that_explains_nothing(compare: Compare) -> None:
    status, said = compare(("exit 0", 'differs = "it is slow"'))
    assert status == 1
    assert "group/0: stale: as expected (it is slow)" in said


def test_compares_files_and_what_is_printed(compare: Compare) -> None:
    status, said = compare(("echo one", 'printed = ["^one$"]'), ("echo two", 'printed = ["^one$"]'))
    assert status == 1 and "1 same, 0 explained, 1 unexplained" in said


def test_leaves_out_what_another_release_does(compare: Compare) -> None:
    cases = ('test "$1" = -o && exit 1', 'release = "26.05"'), ("exit 0", 'release = "25.11"')
    status, said = compare(*cases, option="--start-scripts")
    assert (status, said) == (0, summary("25.11", 2, same=1, others=1))


def test_a_run_ends_with_its_time(compare: Compare) -> None:
    status, said = compare(("sleep 1000", "seconds = 0.5"))
    assert status == 1 and "unexplained: the driver did not end within 0.5 s" in said


def test_says_what_holds_the_output(compare: Compare) -> None:
    _, said = compare(("sleep 1000 & exit 4", "seconds = 1"))
    assert "ended with status 4, but what it left holds its output: sleep 1000" in said


@pytest.mark.parametrize("how", ["", "env -i ", "setsid ", "exec >/dev/null 2>&1; "])
def test_ends_what_a_driver_leaves(compare: Compare, tmp_path: Path, how: str) -> None:
    compare((f"({how}sleep 1000) & echo $! >{tmp_path}/pid", "seconds = 1"))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
