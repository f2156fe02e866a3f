"""The package in an ordinary Python, without the engine."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import PACKAGE, PYTHON_DIR, ROOT, program

sys.path.insert(0, str(PYTHON_DIR))

from test_driver import reference  # noqa: E402
from test_driver.machine import console  # noqa: E402

SOURCES = sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi")])
OLDEST_PYTHON = (3, 11)

# The names that other programs import.
NAMES = {
    "test_driver": ["generate_driver_symbols"],
    "test_driver.config": [
        "DriverConfiguration",
        "MachineConfiguration",
        "NspawnMachineConfiguration",
        "QemuMachineConfiguration",
        "load_driver_configuration",
    ],
    "test_driver.debug": ["Debug", "DebugAbstract", "DebugNop"],
    "test_driver.display": ["graphical_display_available"],
    "test_driver.driver": [
        "Driver",
        "DriverConfiguration",
        "NodeConfiguration",
        "VHostDeviceVsock",
        "VLan",
        "VsockPair",
        "in_nix_sandbox",
        "load_driver_configuration",
        "pythonize_name",
    ],
    "test_driver.duration": ["Duration", "as_seconds", "as_timedelta"],
    "test_driver.efi": ["EfiGuid", "EfiVariable", "EfiVars"],
    "test_driver.errors": ["MachineError", "RequestedAssertionFailed"],
    "test_driver.logger": [
        "AbstractLogger",
        "CompositeLogger",
        "JunitXMLLogger",
        "LogLevel",
        "Logger",
        "TerminalLogger",
        "XMLLogger",
        "rootlog",
    ],
    "test_driver.machine": [
        "BaseMachine",
        "CHAR_TO_KEY",
        "Machine",
        "NixStartScript",
        "NspawnMachine",
        "QemuMachine",
        "QemuStartCommand",
        "StartCommand",
        "X11_KEY_ALIASES",
        "make_command",
        "retry",
        "x11_key_name",
    ],
    "test_driver.machine.ocr": [
        "perform_ocr_on_screenshot",
        "perform_ocr_variants_on_screenshot",
    ],
    "test_driver.machine.qmp": ["QMPAPIError", "QMPSession"],
    "test_driver.polling_condition": ["PollingCondition", "PollingConditionError"],
    "test_driver.qmp": ["QMPAPIError", "QMPSession"],
    "test_driver.vlan": ["VLan"],
    "test_driver.vsock": ["VHostDeviceVsock"],
}


@pytest.mark.parametrize("module", NAMES)
def test_module_has_its_names(module: str) -> None:
    """In a new process, because a module must not depend on the import of another one before."""
    code = f"from {module} import {', '.join(NAMES[module])}"
    command = [sys.executable, "-B", "-W", "error", "-c", code]
    subprocess.run(command, check=True, env={"PYTHONPATH": str(PYTHON_DIR)})


def test_functions_that_read_pictures_can_be_replaced() -> None:
    from test_driver import screen
    from test_driver.machine import ocr

    assert ocr is screen.ocr


def test_machines_cannot_be_made_here() -> None:
    from test_driver.machine import QemuMachine

    with pytest.raises(RuntimeError, match="only the program nixos-test-driver can make one"):
        QemuMachine(".", "/tmp", "start")


def test_help_has_the_documentation() -> None:
    import pydoc

    from test_driver.machine import QemuMachine

    shown = pydoc.plain(pydoc.render_doc(QemuMachine.succeed))
    assert "Run commands one after the other; return their joined output." in shown


def test_keys_are_those_of_the_engine() -> None:
    from test_driver.machine import CHAR_TO_KEY

    header = (ROOT / "include/ntd/proto/keymap.h").read_text()
    entries = re.findall(r"\{('(?:\\x..|\\.|.)'), +(\"[^\"]+\")\}", header)
    table = {ast.literal_eval(char): ast.literal_eval(key) for char, key in entries}
    assert table == CHAR_TO_KEY
    assert f"std::string_view>, {len(table)}>" in header


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_source_suits_the_oldest_python(source: Path) -> None:
    ast.parse(source.read_text(), feature_version=OLDEST_PYTHON)


def test_pyflakes_finds_nothing() -> None:
    command = [program("pyflakes3", "pyflakes"), str(PACKAGE)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.stdout + result.stderr == ""


# ------------------------------------------------------------------------------- documentation


def classes() -> list[type]:
    return [kind for kind, _ in reference.CLASSES.values()]


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_everything_public_is_documented(kind: type) -> None:
    assert inspect.getdoc(kind)
    members = reference.members(kind)
    assert members
    assert [member.name for member in members if not member.text] == []


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_no_default_limit_or_delay_is_one_that_scripts_are_warned_of(kind: type) -> None:
    from test_driver.duration import Seconds

    for name, method in inspect.getmembers(kind, inspect.isfunction):
        for parameter in inspect.signature(method).parameters.values():
            if parameter.name in ("timeout", "delay") and isinstance(parameter.default, float):
                assert isinstance(parameter.default, Seconds), (name, parameter)


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_everything_public_has_types(kind: type) -> None:
    for member in reference.members(kind):
        method = inspect.getattr_static(kind, member.name, None)
        if not inspect.isfunction(method):
            assert member.kind.startswith(": ") and "inspect._empty" not in member.kind, member
            continue
        signature = inspect.signature(method)
        given = [parameter for name, parameter in signature.parameters.items() if name != "self"]
        assert signature.return_annotation is not signature.empty, member
        assert all(parameter.annotation is not parameter.empty for parameter in given), member


def test_nothing_public_lacks_an_annotation() -> None:
    """The reference would lack attributes that are only assigned in a method."""
    for kind in classes():
        known = {member.name for member in reference.members(kind)}
        source = inspect.getsource(kind)
        assigned = set(re.findall(r"^ +self\.([a-z]\w*)(?:: [^=]+)? = ", source, re.MULTILINE))
        assert assigned <= known, kind


def test_modules_say_what_they_are_for() -> None:
    for source in PACKAGE.rglob("*.py"):
        parts = source.relative_to(PYTHON_DIR).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        if name != "test_driver.main":  # only the program can import it
            assert importlib.import_module(name).__doc__, name


@pytest.mark.parametrize(
    "pattern",
    ["the last one", "foo.*bar", r"login: (\w+)", "a|b", r"\[ OK \]", r"x\d{3}", "(?:a)b", "[a-z]"],
)
def test_console_patterns_that_stay_within_a_line(pattern: str) -> None:
    assert console.matches_within_lines(re.compile(pattern))


@pytest.mark.parametrize(
    "pattern",
    ["a\nb", r"a\s+b", "^a", "a$", "[^x]", "(?s)a.b", r"a\W", r"(?<=a)b", r"\x0a", "[\t- ]"],
)
def test_console_patterns_that_may_go_across_lines(pattern: str) -> None:
    assert not console.matches_within_lines(re.compile(pattern))
