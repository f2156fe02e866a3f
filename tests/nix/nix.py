"""Run Nix with its own store, and check what is left. Only for use under ./isolated."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN_DIR = Path(os.environ.get("NTD_BIN_DIR", ROOT / "build" / "release" / "bin"))
PREFIX = Path(os.environ.get("NTD_PREFIX", ROOT / "build" / "release" / "nix-prefix"))
HEADERS = ROOT / "tests" / "types" / "headers"
GUEST = ROOT / "examples" / "guest"

WORK = Path("/run/work")  # in memory, see ./isolated
NIX = WORK / "nix"  # the only Nix installation that processes here can see
# The host's /usr, inside and outside of the sandbox. The usual paths have only /bin/sh, as in
# NixOS, and files that are not programs.
USR = "/run/usr"
SANDBOX_PATHS = f"{USR} /bin/sh /lib /lib64 /usr/lib /usr/include /usr/share /etc/alternatives"
PATIENCE = 600.0  # seconds for a build on fake machines; only a hang reaches it

# The type header for scripts, by generation of the test framework that the stand-in imitates.
TYPES = {"flags": HEADERS / "nixos_25_05.py", "config": HEADERS / "nixos_26_05.py"}


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    log: str  # standard error: messages of Nix, and the output of builds

    def __str__(self) -> str:
        return f"status {self.returncode}\n{self.stdout}\n--- log\n{self.log}"

    def must_succeed(self) -> Result:
        assert self.returncode == 0, str(self)
        return self

    def must_fail(self, *texts: str) -> Result:
        assert self.returncode != 0, str(self)
        return self.must_say(*texts)

    def must_say(self, *texts: str) -> Result:
        missing = [text for text in texts if text not in self.log]
        assert not missing, f"the log lacks {missing}: {self}"
        return self

    @property
    def path(self) -> Path:
        """The store path that was built."""
        return Path(self.stdout.strip().splitlines()[-1])


def environment() -> dict[str, str]:
    """Environment variables that make Nix keep all its files in NIX."""
    places = {
        "NIX_STORE_DIR": "store",
        "NIX_STATE_DIR": "var",
        "NIX_LOG_DIR": "log",
        "NIX_CONF_DIR": "etc",
    }
    names = ("PATH", "HOME", "TMPDIR")
    kept = {name: os.environ[name] for name in names}
    return kept | {name: str(NIX / folder) for name, folder in places.items()}


def configure(directory: Path, *, features: str = "nixos-test", sandbox_paths: str = "") -> None:
    """Write the configuration of an installation in ``directory`` (which processes see as NIX)."""
    (directory / "etc").mkdir(parents=True, exist_ok=True)
    # Builds use programs of the host: USR takes the place of a store with packages.
    text = f"""
        build-users-group =
        sandbox = true
        sandbox-fallback = false
        sandbox-paths = {SANDBOX_PATHS} {sandbox_paths}
        substituters =
        system-features = {features}
        experimental-features = nix-command flakes
        """
    (directory / "etc" / "nix.conf").write_text(textwrap.dedent(text))


def standin(
    prebuilt: bool = True,
    overlay: bool = True,
    generation: str = "config",
    is_linux: bool = True,
    overlays: str = "",
) -> str:
    """A Nix expression: the stand-in for nixpkgs of that generation.

    With ``overlay``, it has our overlay; ``overlays`` are further ones, as Nix expressions.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    installed = str(PREFIX) if prebuilt else "null"
    ours = f"(import {ROOT}/nix/overlay.nix)" if overlay else ""
    return (
        f'(import {HERE}/standin {{ root = "{USR}"; pythonVersion = "{version}"; '
        f"prebuilt = {installed}; "
        f'generation = "{generation}"; isLinux = {str(is_linux).lower()}; '
        f"overlays = [ {ours} {overlays} ]; }})"
    )


def nixpkgs_file() -> Path:
    """Write the stand-in to a file with a function, as nixpkgs is one; return the path."""
    file = WORK / "nixpkgs.nix"
    file.write_text(f"{{ system ? builtins.currentSystem }}: {standin(overlay=False)}")
    return file


def fake(name: str, options: str = "") -> str:
    """A fake machine, as an attribute of ``nodes``."""
    return f'{name} = {{ vm = machines.fake {BIN_DIR}/fake_vm "{name}" {json.dumps(options)}; }};'


def test_expression(
    name: str,
    script: str,
    nodes: str,
    *,
    generation: str = "config",
    check: bool = False,
    settings: str = "",
    pkgs: str | None = None,
) -> str:
    """A test as users write it, for that generation of the test framework.

    Our driver comes from the module with the old generation ("flags"), and from the overlay with
    the new one. ``check`` also checks the script's types, which takes seconds.
    """
    module = f"imports = [ {ROOT}/nix/test-module.nix ];" if generation == "flags" else ""
    return f"""
        let
          pkgs = {pkgs or standin(generation=generation)};
          machines = import {HERE}/standin/machines.nix {{ inherit pkgs; }};
        in
        pkgs.testers.runNixOSTest {{
          name = "{name}";
          typesHeader = {TYPES[generation]};
          nodes = {{ {nodes} }};
          skipTypeCheck = {"false" if check else "true"};
          testScript = {json.dumps(textwrap.dedent(script))};
          {module}
          {settings}
        }}
        """


def build(expression: str, *options: str, limit: float = PATIENCE) -> Result:
    """Run nix-build to its end."""
    return run("nix-build", "--no-out-link", "-E", expression, *options, limit=limit)


def start_build(expression: str) -> subprocess.Popen[bytes]:
    """Start nix-build in the background."""
    return subprocess.Popen(
        ["nix-build", "--no-out-link", "-E", expression],
        env=environment(),
        cwd=WORK,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def evaluate(expression: str) -> Any:
    """Evaluate an expression strictly, without building; return the value as a Python object."""
    command = ["nix-instantiate", "--eval", "--strict", "--json", "--show-trace", "-E", expression]
    return json.loads(run(*command).must_succeed().stdout)


def run(
    *command: str | Path,
    limit: float = PATIENCE,
    env: Mapping[str, str] | None = None,
    cwd: Path = WORK,
) -> Result:
    words = [str(word) for word in command]
    ended = subprocess.run(
        words,
        env=environment() | (env or {}),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit,
        check=False,
    )
    return Result(ended.returncode, ended.stdout, ended.stderr)


# ----------------------------------------------------------------------------------- what is left


def processes() -> Iterator[tuple[int, str]]:
    """All processes except this one and its ancestors, as (pid, command line)."""
    ours = set(ancestors())
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) in ours:
            continue
        try:
            if words := (directory / "cmdline").read_bytes():  # empty for a zombie
                yield int(directory.name), words.replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended


def ancestors() -> Iterator[int]:
    pid = os.getpid()
    while pid:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def wait_for_process(text: str, count: int = 1, limit: float = 300.0) -> None:
    """Wait until ``count`` processes have command lines that begin with ``text``."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if sum(command.startswith(text) for _, command in processes()) >= count:
            return
        time.sleep(0.02)
    raise AssertionError(f"fewer than {count} processes {text!r}: {list(processes())}")


def wait_until_no_process(limit: float = 100.0) -> None:
    deadline = time.monotonic() + limit
    while left := list(processes()):
        assert time.monotonic() < deadline, f"processes are left: {left}"
        time.sleep(0.05)


def empty(directory: Path) -> None:
    """Remove all files in a directory. Store paths are read-only, except for root."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
