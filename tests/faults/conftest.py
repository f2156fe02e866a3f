"""Options of the matrix; runs several of its cases in parallel, each in its own process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from matrix import CASES, covering  # noqa: E402
from run import problems  # noqa: E402

Outcomes = dict[str, "Future[list[str]]"]

# More cases than processors, because cases wait most of the time.
AT_A_TIME = 2 * (os.cpu_count() or 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--who", action="append", help="only cases in which WHO fails (again for more)")
    group.addoption("--all", action="store_true", default="NTD_ALL_FAULTS" in os.environ,
                    help="every case, not only as many as show each fault, call and end (NTD_ALL_FAULTS sets it, too)")
    group.addoption("--slow", action="store_true", help="also cases that take minutes")
    group.addoption("--at-a-time", type=int, default=AT_A_TIME, help="cases (%(default)s)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    option = metafunc.config.getoption
    chosen = [case for case in CASES if not case.is_slow or option("--slow")]
    if not option("--all"):
        chosen = covering(chosen)
    if option("--who"):
        chosen = [case for case in chosen if case.who in option("--who")]
    metafunc.parametrize("case", chosen, ids=[case.id for case in chosen])


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """The problems of each selected case, by its name."""
    chosen = {item.name for item in request.session.items}
    cases = [case for case in CASES if f"test_fault[{case.id}]" in chosen]
    with ProcessPoolExecutor(request.config.getoption("--at-a-time")) as pool:
        yield {case.id: pool.submit(problems, case) for case in cases}
        pool.shutdown(cancel_futures=True)
