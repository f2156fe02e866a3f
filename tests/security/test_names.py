"""Names of machines and networks chosen by a script: none leads out of the base directory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Result, Workspace

RunDriver = Callable[..., Result]

NAMES = {
    "up": ("../../x", "../../x"),
    "parent": ("..", ".."),
    "here": (".", "."),
    "empty": ("", ""),
    "below": ("a/b", "a/b"),
    "absolute": ("/x", "/x"),
    "long": ("n" * 300, "n" * 300),
    "endless": ("n" * 10_000_000, "n" * 300 + "..."),
    "nul": ("a\0b", "a\\x00b"),
    "newline": ("a\n!!! b", "a\\x0a!!! b"),
    "escape": ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
}

ATTEMPT = """
import os, pathlib

before = sorted(os.listdir(web.tmp_dir))
name = NAME
with t.assertRaises(ValueError) as raised:
    MAKE
print(f"refused: {raised.exception}")
assert sorted(os.listdir(web.tmp_dir)) == before
assert [machine.name for machine in machines] == ["web"]
web.succeed("true")
"""

WAYS = {
    "create_machine": "create_machine('false', name=name)",
    "dictionary": "create_machine({'startCommand': 'false', 'name': name})",
    "class": "type(web)('.', web.tmp_dir, 'false', name=name)",
    "container": (
        "from test_driver.machine import NspawnMachine; "
        "NspawnMachine('.', name, 'false', web.tmp_dir)"
    ),
}


def attempt(name: object, make: str) -> str:
    text = repr(name) if len(repr(name)) < 1000 else "'n' * 10_000_000"
    return ATTEMPT.replace("NAME", text).replace("MAKE", make)


@pytest.mark.parametrize("kind", NAMES)
def test_name_of_a_machine_of_the_script(
    run_driver: RunDriver, workspace: Workspace, kind: str
) -> None:
    name, shown = NAMES[kind]
    result = run_driver(attempt(name, WAYS["create_machine"])).must_succeed()
    assert f"machine name '{shown}' cannot be used: it " in result.stdout
    assert sorted(path.name for path in workspace.root.iterdir()) == ["base", "out", "scripts"]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_make_one(run_driver: RunDriver, workspace: Workspace, way: str) -> None:
    result = run_driver(attempt("../up", WAYS[way])).must_succeed()
    assert "refused: machine name '../up' cannot be used: it has a '/'" in result.stdout
    assert not (workspace.root / "up").exists()


def test_name_taken_from_the_start_script(run_driver: RunDriver) -> None:
    script = attempt("", "create_machine(f'/x/run-{chr(10)}-vm')")
    script = script.replace("{chr(10)}", "\\x07")
    result = run_driver(script).must_succeed()
    assert "refused: machine name '\\x07' cannot be used" in result.stdout


@pytest.mark.parametrize("number", [-1, 100_000_000, 2**31 - 1])
def test_number_of_a_network_of_the_script(run_driver: RunDriver, number: int) -> None:
    make = "from test_driver.vlan import VLan; VLan(name, web.tmp_dir)"
    result = run_driver(attempt(number, make)).must_succeed()
    assert f"VLAN number {number} cannot be used" in result.stdout
    result.must_not_say("start vlan")


@pytest.mark.parametrize("way", ["flags", "json"])
def test_name_of_the_configuration(workspace: Workspace, way: str) -> None:
    script = workspace.start_script("web")
    args = ["--vm-names", "a\nb"] if way == "flags" else []
    command = workspace.command("", scripts={"a\nb": script}, args=args, generation=way)
    result = workspace.run(command)
    assert result.returncode == 2, str(result)
    result.must_say("machine name 'a\\x0ab'", "it has a control character")
    result.must_not_say("starting")
