"""The installed program, without its source tree and without the caller's environment."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import BIN_DIR, Command, Result, Workspace

RunDriver = Callable[..., Result]

BUILD_DIR = Path(os.environ.get("NTD_BUILD_DIR", BIN_DIR.parent))
SCRIPT = """
    import test_driver.machine
    assert str(test_driver.__file__).startswith(os.environ["PREFIX"]), test_driver.__file__
    assert web.succeed("echo up") == "up\\n"
    assert vlan1.nr == 1
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed tree."""
    prefix = tmp_path_factory.mktemp("prefix")
    command = ["cmake", "--install", str(BUILD_DIR), "--prefix", str(prefix)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return prefix


def run_installed(workspace: Workspace, prefix: Path, program: Path) -> Result:
    """Run with a minimal environment, in the root directory."""
    command = workspace.command(SCRIPT, vlans=[1], program=program)
    kept = ("PATH", "TMPDIR", "NTD_TEST_ID", "ASAN_OPTIONS")
    ours = {"PREFIX": str(prefix), "PYTHONDONTWRITEBYTECODE": "1"}
    env = {name: command.env[name] for name in kept}
    return workspace.run(Command(command.argv, {**env, **ours}), cwd="/")


def test_installed_program_runs_from_anywhere(workspace: Workspace, prefix: Path) -> None:
    run_installed(workspace, prefix, prefix / "bin" / "nixos-test-driver").must_succeed()


def test_installed_tree_may_be_moved(workspace: Workspace, prefix: Path) -> None:
    moved = workspace.root / "moved"
    shutil.copytree(prefix, moved, symlinks=True)
    run_installed(workspace, moved, moved / "bin" / "nixos-test-driver").must_succeed()


def test_installed_program_may_be_called_by_a_link(workspace: Workspace, prefix: Path) -> None:
    link = workspace.root / "driver"
    link.symlink_to(prefix / "bin" / "nixos-test-driver")
    run_installed(workspace, prefix, link).must_succeed()


def test_installed_tree_has_what_belongs_there(prefix: Path) -> None:
    files = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    assert "bin/nixos-test-driver" in files
    assert any(name.endswith("test_driver/__init__.py") for name in files)
    for page in ("LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "docs/running.md"):
        assert any(name.endswith(f"/{page}") for name in files), page
    assert "share/man/man1/nixos-test-driver.1" in files
    assert "share/bash-completion/completions/nixos-test-driver" in files
    assert "share/zsh/site-functions/_nixos-test-driver" in files
    assert "share/fish/vendor_completions.d/nixos-test-driver.fish" in files
    assert not [name for name in files if "fake" in name]
    assert not [name for name in files if name.endswith((".a", ".h", ".hpp"))]


def test_installed_modules_are_compiled(prefix: Path) -> None:
    package = prefix / "share" / "ntd" / "python" / "test_driver"
    for source in package.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(source)))
        flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
        assert flags == 1, f"{compiled} is not taken whatever time its source has (PEP 552)"


def test_incomplete_installation_says_what_is_missing(workspace: Workspace, prefix: Path) -> None:
    broken = workspace.root / "broken"
    shutil.copytree(prefix, broken, symlinks=True)
    shutil.rmtree(broken / "share")
    result = run_installed(workspace, broken, broken / "bin" / "nixos-test-driver")
    result.must_fail(str(broken / "share"), "is the installation complete?")
