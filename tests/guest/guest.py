"""Shared by the tests on real guests: paths, and runs that must leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN_DIR = Path(os.environ.get("NTD_BIN_DIR", ROOT / "build" / "release" / "bin"))
DRIVER = BIN_DIR / "nixos-test-driver"

# Limit in seconds that only a hang reaches: the speed of emulated guests varies by a factor of ten.
PATIENCE = 1500


@dataclass(frozen=True)
class Result:
    returncode: int
    log: str  # standard output and standard error in one stream

    def __str__(self) -> str:
        return f"status {self.returncode}\n{self.log}"


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> Result:
    """Run a command to its end, and check that it leaves no process behind."""
    test_id = uuid.uuid4().hex
    own = {"TMPDIR": str(cwd), "NTD_TEST_ID": test_id, "NTD_BOOT_TIMEOUT": str(PATIENCE)}
    environment = os.environ | own | (env or {})
    environment.pop("XDG_RUNTIME_DIR", None)
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=PATIENCE,
        check=False,
    )
    result = Result(ended.returncode, ended.stdout)
    left = processes_with(test_id)
    assert not left, f"still running: {left}\n{result}"
    return result


def processes_with(test_id: str) -> list[str]:
    """The command lines of all processes whose environment contains the test's ID."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if test_id.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended
            continue
    return found


def start_scripts(
    directory: Path,
    *machines: str,
    containers: Sequence[str] = (),
    options: Sequence[str] = (),
) -> list[Path]:
    """Make start scripts with examples/guest/make-start-scripts.

    Returns run-NAME-vm for each machine NAME:VLANS:UNITS, then run-NAME-nspawn for each container.
    """
    tool = ROOT / "examples" / "guest" / "make-start-scripts"
    words = [word for container in containers for word in ("--container", container)]
    command = [tool, *options, "-o", directory, *machines, *words]
    subprocess.run(command, check=True, timeout=PATIENCE)
    kinds = [(machine, "vm") for machine in machines] + [(name, "nspawn") for name in containers]
    return [directory / f"run-{machine.split(':')[0]}-{kind}" for machine, kind in kinds]
