"""Run mypy on the package, and on scripts with the type header of each NixOS release."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import HERE, PACKAGE, PYTHON_DIR, program

HEADERS = sorted((HERE / "headers").glob("*.py"))
KNOWS_CONTAINERS = ("nixos_26_05", "nixos_26_11")


def mypy(
    cache: Path, *arguments: str | Path, path: Path = PYTHON_DIR
) -> subprocess.CompletedProcess[str]:
    """Run mypy with the package installed, as in Nix, instead of being checked itself."""
    command = [program("mypy"), "--cache-dir", cache, "--hide-error-context", *arguments]
    env = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(command, env=env, cwd=cache, capture_output=True, text=True)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture(scope="module", params=HEADERS, ids=lambda path: path.stem)
def header(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def found(header: Path, cache: Path, tmp_path: Path) -> Iterator[Checker]:
    yield Checker(header, cache, tmp_path)


class Checker:
    """Checks the types of scripts as the Nix build does."""

    def __init__(self, header: Path, cache: Path, directory: Path) -> None:
        self.header = header.read_text()
        self.cache = cache
        self.script = directory / "testScriptWithTypes"

    def errors(self, script: Path) -> dict[int, str]:
        """The kinds of errors, by line number of the script."""
        self.script.write_text(self.header + script.read_text())
        result = mypy(self.cache, "--no-implicit-optional", "--show-error-codes", self.script)
        assert result.returncode in (0, 1), result.stdout + result.stderr
        found = re.findall(r":(\d+): error: .*\[([a-z-]+)\]$", result.stdout, re.MULTILINE)
        assert len(found) == result.stdout.count(": error: "), result.stdout
        above = self.header.count("\n")
        return {int(line) - above: kind for line, kind in found}


def expected_errors(script: Path) -> dict[int, str]:
    """The errors that comments in the script announce, by line number."""
    remarks = (re.search(r"# error: (\S+)$", line) for line in script.read_text().splitlines())
    return {number: remark[1] for number, remark in enumerate(remarks, start=1) if remark}


def scripts_for(header: Path) -> list[str]:
    return ["all", "26"] if header.stem in KNOWS_CONTAINERS else ["all"]


def test_good_scripts_pass(header: Path, found: Checker) -> None:
    for name in scripts_for(header):
        assert found.errors(HERE / "scripts" / f"good_{name}.py") == {}, name


def test_mistakes_are_found(header: Path, found: Checker) -> None:
    for name in scripts_for(header):
        script = HERE / "scripts" / f"bad_{name}.py"
        assert found.errors(script) == expected_errors(script), name


def test_package_is_typed_strictly(cache: Path) -> None:
    result = mypy(cache, "--strict", PACKAGE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_installed_package_is_typed(cache: Path, tmp_path: Path) -> None:
    """Type checkers use a package from an installation directory only if it is marked as typed."""
    shutil.copytree(PACKAGE, tmp_path / "test_driver", ignore=shutil.ignore_patterns("__pycache__"))
    script = tmp_path / "script"
    script.write_text(
        "from test_driver.machine import QemuMachine\n"
        "def test(machine: QemuMachine) -> None:\n"
        "    reveal_type(machine.succeed('true'))\n"
        "    reveal_type(machine.state_dir)\n"
    )
    result = mypy(cache, script, path=tmp_path)
    assert 'Revealed type is "builtins.str"' in result.stdout, result.stdout
    assert 'Revealed type is "pathlib.Path"' in result.stdout, result.stdout
