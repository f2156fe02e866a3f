"""A pytest plugin: appends skipped tests and their reasons to $NTD_SKIPPED, for tests/run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    line = f"{report.nodeid}: {reason.removeprefix('Skipped: ')}".replace("\n", " ")
    with Path(os.environ["NTD_SKIPPED"]).open("a", encoding="utf-8") as file:
        file.write(line + "\n")  # a single write, as other tests write to the file, too
