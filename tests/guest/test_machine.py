"""Every check of checks.py on one real guest, in one run of the driver."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import guest
import pytest

CHECKS = Path(__file__).with_name("checks.py")
NAMES = [
    node.name
    for node in ast.parse(CHECKS.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The failure of each check; empty if it succeeded."""
    directory = tmp_path_factory.mktemp("machine")
    scripts = guest.start_scripts(directory, "machine:-")
    result = guest.run(guest.DRIVER, "--start-scripts", *scripts, "--", CHECKS, cwd=directory)
    print(result)  # shown by pytest if a check has failed
    assert result.returncode == 0, str(result)
    return dict(json.loads((directory / "results.json").read_text()))


@pytest.mark.parametrize("name", NAMES)
def test_check(results: dict[str, str], name: str) -> None:
    assert name in results, "the checks ended before this one"
    assert not results[name], results[name]
