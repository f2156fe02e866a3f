"""The manual and the completions that the build generates from the program's tables."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import BIN_DIR, DRIVER

BUILD_DIR = Path(os.environ.get("NTD_BUILD_DIR", BIN_DIR.parent))
DOCUMENTS = BUILD_DIR / "documents"
MANUAL = DOCUMENTS / "man" / "nixos-test-driver.1"
BASH = DOCUMENTS / "bash" / "nixos-test-driver"
ZSH = DOCUMENTS / "zsh" / "_nixos-test-driver"
FISH = DOCUMENTS / "fish" / "nixos-test-driver.fish"


def output_of(*command: str | Path, **more: str) -> str:
    """The output of a program that must succeed and print no errors."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", **more}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not there: what is made for it has not been checked")


def options() -> set[str]:
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z_-]+)", output_of(DRIVER, "--help"), re.MULTILINE))


def test_version_is_that_of_the_project() -> None:
    cmake = (Path(__file__).parents[2] / "CMakeLists.txt").read_text()
    version = re.search(r"VERSION (\d+\.\d+\.\d+)", cmake)
    assert version
    assert output_of(DRIVER, "--version") == f"nixos-test-driver {version[1]}\n"


def test_help_is_as_wide_as_the_terminal() -> None:
    lines = output_of(DRIVER, "--help", COLUMNS="72").splitlines()
    assert max(len(line) for line in lines if not line.startswith(("usage:", "      "))) <= 72


# ----------------------------------------------------------------------------------------- manual


def test_manual_is_without_faults() -> None:
    needs("man")
    text = output_of("man", "--warnings", "-l", MANUAL)
    for section in ("OPTIONS", "CONFIGURATION FILE", "ENVIRONMENT", "EXIT STATUS"):
        assert f"\n{section}\n" in text


def test_manual_has_every_option_variable_and_key() -> None:
    text = MANUAL.read_text().replace("\\-", "-")
    variables = ["NTD_MAX_OUTPUT", "NTD_TRACE", "NTD_TRACE_LEVEL", "XDG_RUNTIME_DIR"]
    names = [*options(), "startScripts", *variables]
    keys = ["vms.NAME.start_script", "containers.NAME.vnc.x11vnc", "vsock_siblings"]
    assert len(names) > 30
    assert not [name for name in names + keys if f"\\fB{name}" not in text and name not in text]


# ------------------------------------------------------------------------------------ completions


def bash_completes(*words: str) -> list[str]:
    """The words that bash offers in place of the last word."""
    script = f"""
        source {BASH}
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _nixos_test_driver
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return output_of("bash", "-c", script, "-", "nixos-test-driver", *words).split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["--int"], ["--interactive"]),
        (["-I", "--keep-m"], ["--keep-machine-state"]),
        (["--log-level", "w"], ["warning"]),
        (["--backdoor", "=", "v"], ["virtconsole", "vsock"]),
        (["--backdoor", "="], ["auto", "virtconsole", "vsock"]),
        (["--output_directory", "/us"], ["/usr"]),
        (["--config", "/etc/pass"], ["/etc/passwd", "/etc/passwd-"]),
        (["--repeat", ""], []),
    ],
)
def test_bash_completes(words: list[str], offered: list[str]) -> None:
    needs("bash")
    assert set(bash_completes(*words)) <= set(offered)
    assert set(bash_completes(*words)) >= set(offered[:1])


def test_bash_completes_every_option() -> None:
    needs("bash")
    assert set(bash_completes("--")) == options()


def test_bash_has_registered_it() -> None:
    needs("bash")
    script = f"source {BASH}; complete -p nixos-test-driver"
    assert "-F _nixos_test_driver" in output_of("bash", "-c", script)


@pytest.mark.parametrize(("shell", "file"), [("zsh", ZSH), ("fish", FISH)])
def test_other_shells_take_theirs(shell: str, file: Path) -> None:
    needs(shell)
    output_of(shell, "-n", file)


@pytest.mark.parametrize("file", [ZSH, FISH])
def test_other_shells_know_every_option(file: Path) -> None:
    text = file.read_text().replace(" -l ", " --")
    assert not [name for name in options() if name not in text]
