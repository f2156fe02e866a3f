"""Programs that describe the names in scripts, for checkers and users."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import DRIVER, GENERATE_SYMBOLS, PACKAGE, program

ENV = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS") if name in os.environ}
ENV["PYTHONDONTWRITEBYTECODE"] = "1"


def run(directory: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    env = {**ENV, "TMPDIR": str(directory)}
    return subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True)


def run_script(directory: Path, text: str) -> str:
    """Run a script without machines; return its standard output."""
    script = directory / "script.py"
    script.write_text(text)
    result = run(directory, DRIVER, script)
    assert result.returncode == 0, result.stderr
    return result.stdout


# ----------------------------------------------------------------------- generate-driver-symbols


@pytest.fixture
def symbols(tmp_path: Path) -> str:
    result = run(tmp_path, GENERATE_SYMBOLS)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    return (tmp_path / "driver-symbols").read_text()


def test_symbols_are_those_of_a_run(symbols: str, tmp_path: Path) -> None:
    shown = run_script(tmp_path, "print('=', *driver.general_symbols(), sep=',')")
    assert f"=,{symbols}\n" in shown
    assert "\n" not in symbols


def test_symbols_are_all_that_were_promised(symbols: str) -> None:
    promised = """start_all test_script machines machines_qemu machines_nspawn vlans driver log os
        create_machine subtest run_tests join_all retry serial_stdout_off serial_stdout_on
        polling_condition Machine BaseMachine QemuMachine NspawnMachine t debug
        dump_machine_ssh""".split()
    assert set(promised) <= set(symbols.split(","))


def pyflakes(directory: Path, script: str, names: str) -> str:
    path = directory / "test-script"
    path.write_text(script)
    command = [program("pyflakes3", "pyflakes"), str(path)]
    env = {**ENV, "PYFLAKES_BUILTINS": names}
    return subprocess.run(command, env=env, capture_output=True, text=True).stdout


def test_pyflakes_knows_the_symbols(symbols: str, tmp_path: Path) -> None:
    script = "start_all()\nwith subtest('up'):\n    machine.wait_for_unit('a')\nretry(t.fail)\n"
    assert pyflakes(tmp_path, script, f"{symbols},machine") == ""
    assert "undefined name 'start_all'" in pyflakes(tmp_path, script, "machine")


def test_symbols_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "driver-symbols").mkdir()
    result = run(tmp_path, GENERATE_SYMBOLS)
    assert result.returncode == 1
    assert "cannot write to the current directory" in result.stderr
    assert "Traceback" not in result.stderr


# ------------------------------------------------------------------------------- --list-methods


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("listing")
    result = run(directory, DRIVER, "--list-methods")
    assert (result.returncode, result.stderr) == (0, "")
    assert list(directory.iterdir()) == []
    yield result.stdout


def test_listing_has_signatures_and_documentation(listing: str) -> None:
    assert (
        "\nsucceed(*commands: str, timeout: Duration | None = None) -> str\n"
        "    Run commands one after the other; return their joined output.\n"
    ) in listing
    assert "\nsend_monitor_command(command: str) -> str\n" in listing
    assert "\nstate_dir: Path\n" in listing
    assert "\nqmp_client: QMPSession | None\n" in listing


def test_listing_has_every_symbol(listing: str, tmp_path: Path) -> None:
    run(tmp_path, GENERATE_SYMBOLS)
    lines = listing.splitlines()
    for name in (tmp_path / "driver-symbols").read_text().split(","):
        assert any(line == name or line.startswith((f"{name}(", f"{name}:")) for line in lines), name


def test_listing_is_not_wide(listing: str) -> None:
    assert max(map(len, listing.splitlines())) <= 110


def test_help_works_in_a_script(tmp_path: Path) -> None:
    shown = run_script(tmp_path, "help(QemuMachine.wait_for_unit)")
    assert "Wait until a systemd unit is active." in shown


# ----------------------------------------------------------------------------- the engine's stub

# Prints the names of each class, without those of its bases.
NAMES_OF_ENGINE = """
import json, _ntd

def names(owner):
    return [name for name in vars(owner) if not name.startswith("__")]

classes = {name: names(getattr(_ntd, name)) for name in names(_ntd) if name[0].isupper()}
print("engine:" + json.dumps({"": names(_ntd), **classes}))
"""


def names_of_stub(node: ast.Module | ast.ClassDef) -> set[str]:
    names = set()
    for child in node.body:
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            names.add(child.name)
        elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            names.add(child.target.id)
    return {name for name in names if not name.startswith("__")}


def test_stub_has_the_names_of_the_engine(tmp_path: Path) -> None:
    shown = run_script(tmp_path, NAMES_OF_ENGINE)
    line = next(line for line in shown.splitlines() if line.startswith("engine:"))
    engine = {owner: set(names) for owner, names in json.loads(line[7:]).items()}
    stub = ast.parse((PACKAGE / "_ntd.pyi").read_text())
    engine["Level"] -= {"name", "value"}  # pybind11 adds these to an enum
    assert engine[""] == names_of_stub(stub)
    typed = {node.name: names_of_stub(node) for node in stub.body if isinstance(node, ast.ClassDef)}
    # The stub may have a name in the base class that the engine has in each kind of machine.
    base = engine.pop("BaseMachine")
    for kind in ("QemuMachine", "NspawnMachine"):
        in_engine = base | engine.pop(kind)
        assert in_engine == typed["BaseMachine"] | typed[kind], kind
    for owner in engine.keys() - {""}:
        assert engine[owner] == typed[owner], owner
