"""Programs that describe the names in scripts, for checkers and users."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import DRIVER, GENERATE_SYMBOLS, HERE, PACKAGE, program

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


# ---------------------------------------------------------------- what Python knows of the engine


def classes_of(file: str) -> dict[str, ast.ClassDef]:
    tree = ast.parse((PACKAGE / file).read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def functions_of(node: ast.Module | ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {child.name: child for child in node.body if isinstance(child, ast.FunctionDef)}


def test_methods_of_machines_are_declared_as_they_are_bound(tmp_path: Path) -> None:
    result = run(tmp_path, DRIVER, HERE / "declarations.py")
    assert result.returncode == 0, result.stderr
    expected = (tmp_path / "_declared.py").read_text()
    assert (PACKAGE / "_declared.py").read_text() == expected, "build the target declarations"


def test_no_method_of_machines_is_in_the_engine_and_in_python() -> None:
    for name, declared in classes_of("_declared.py").items():
        file = name.removesuffix("Machine").lower()
        in_python = functions_of(classes_of(f"machine/{file}.py")[name])
        assert functions_of(declared).keys() & in_python.keys() == set(), name


# What each function of the engine says of itself, by class, but those that are in _declared.py.
FUNCTIONS_OF_ENGINE = """
import json, _ntd

def functions(owner):
    names = [name for name in vars(owner) if not name.startswith(("__", "_pybind11_"))]
    return {name: str(getattr(owner, name).__doc__) for name in names}

classes = {name: functions(getattr(_ntd, name)) for name in functions(_ntd) if name[0].isupper()}
for kind in ("BaseMachine", "QemuMachine", "NspawnMachine"):
    for name in _ntd.methods_of(kind, ""):
        del classes[kind][name]
print("engine:" + json.dumps({"": functions(_ntd), **classes}))
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    shown = run_script(tmp_path_factory.mktemp("engine"), FUNCTIONS_OF_ENGINE)
    line = next(line for line in shown.splitlines() if line.startswith("engine:"))
    found: dict[str, dict[str, str]] = json.loads(line[7:])
    for name in ("name", "value"):  # what its own type has is not ours
        del found["Level"][name]
    return found


def names_of_stub(node: ast.Module | ast.ClassDef) -> set[str]:
    names = set()
    for child in node.body:
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            names.add(child.name)
        elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            names.add(child.target.id)
    return {name for name in names if not name.startswith("__")}


def test_stub_has_the_names_of_the_engine(engine: dict[str, dict[str, str]]) -> None:
    stub = ast.parse((PACKAGE / "_ntd.pyi").read_text())
    in_engine = {owner: set(functions) for owner, functions in engine.items()}
    assert in_engine.pop("") == names_of_stub(stub)
    typed = {name: names_of_stub(node) for name, node in classes_of("_ntd.pyi").items()}
    # In the stub a name may be with the base class although each kind of machine has its own.
    base = in_engine.pop("BaseMachine")
    for kind in ("QemuMachine", "NspawnMachine"):
        assert base | in_engine.pop(kind) == typed["BaseMachine"] | typed[kind], kind
    for owner, names in in_engine.items():
        assert names == typed[owner], owner


def parameters_in_engine(text: str) -> list[tuple[str, bool]]:
    """Names, and whether they have defaults, from the first line of what pybind11 writes."""
    inside = text.partition("(")[2].partition("\n")[0].rpartition(") -> ")[0]
    depth, parts = 0, [""]
    for character in inside:
        depth += (character in "[(<{") - (character in "])>}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    given = [part.strip() for part in parts if part.strip() not in ("", "*", "/")]
    found = [(re.split("[:=]", part)[0], " = " in part or part.endswith("=...")) for part in given]
    return [each for each in found if each[0] != "self"]


def parameters_in_stub(function: ast.FunctionDef) -> list[tuple[str, bool]]:
    """The same; what has no name in the engine is positional here."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + [*arguments.defaults]
    found = [(argument.arg, bool(default)) for argument, default in zip(plain, defaults)]
    found += [("*args", False)] if arguments.vararg else []
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults)
    found += [(argument.arg, bool(default)) for argument, default in keywords]
    nameless = {argument.arg for argument in arguments.posonlyargs}
    found = [each for each in found if each[0] != "self"]
    return [
        (f"arg{number}" if name in nameless else name, default)
        for number, (name, default) in enumerate(found)
    ]


def test_stub_has_the_parameters_of_the_engine(engine: dict[str, dict[str, str]]) -> None:
    owners: dict[str, ast.Module | ast.ClassDef] = {**classes_of("_ntd.pyi")}
    owners[""] = ast.parse((PACKAGE / "_ntd.pyi").read_text())
    for owner, node in owners.items():
        for name, function in functions_of(node).items():
            text = engine[owner].get(name, "")
            if text.startswith(f"{name}("):  # no property, and not one of each kind of machine
                told = parameters_in_engine(text)
                assert told == parameters_in_stub(function), f"{owner}.{name}"
