"""Fixtures: a workspace for each test, and runs of the driver in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import Conversation, Result, Workspace, clean_workspace

workspace = pytest.fixture(clean_workspace)


@pytest.fixture
def run_driver(workspace: Workspace) -> Callable[..., Result]:
    """``run_driver(script, machines={"web": "fake_vm options"}, ...)`` runs the driver to its end.

    The arguments are those of Workspace.command, and ``limit`` and ``cwd`` of Workspace.run.
    """

    def run(script: str, *args: Any, **options: Any) -> Result:
        run_options = {name: options.pop(name) for name in ("limit", "cwd") if name in options}
        return workspace.run(workspace.command(script, *args, **options), **run_options)

    return run


@pytest.fixture
def spawn_driver(workspace: Workspace) -> Callable[..., Conversation]:
    """Like run_driver, but runs the driver in the background; ``terminal=True``: on a terminal."""

    def spawn(script: str, *args: Any, terminal: bool = False, **options: Any) -> Conversation:
        command = workspace.command(script, *args, **options)
        return workspace.spawn_on_terminal(command) if terminal else workspace.spawn(command)

    return spawn
