"""Fixtures: a workspace and a terminal for each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from harness import Workspace, clean_workspace  # noqa: E402
from terminal import Terminal  # noqa: E402


workspace = pytest.fixture(clean_workspace)


@pytest.fixture
def terminal(workspace: Workspace) -> Iterator[Terminal]:
    with Terminal(workspace) as terminal:
        yield terminal
