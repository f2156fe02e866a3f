"""The executables that are measured: ours, and peers."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Driver:
    """As its callers run it: with "flags", as up to 25.11, or with a file in "json"."""

    program: Path
    generation: str = "flags"


def peer(program: Path) -> Driver:
    """Any driver; what its --help names tells how it is called."""
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    return Driver(program.absolute(), generation(shown.stdout))


def generation(shown: str) -> str:
    for option, found in (("--start-scripts", "flags"), ("--config", "json")):
        if option in shown:
            return found
    raise SystemExit(f"the peer's --help names neither --start-scripts nor --config: {shown[:200]}")


def setting(build: Path, name: str) -> str | None:
    """Of a build folder's CMake cache."""
    cache = build / "CMakeCache.txt"
    text = cache.read_text() if cache.exists() else ""
    found = re.search(rf"^_?{name}:\w+=(.+)$", text, re.MULTILINE)
    return found[1] if found else None


def python_of(build: Path) -> Path:
    """The one that the driver of that build has inside."""
    return Path(setting(build, "Python3_EXECUTABLE") or sys.executable)
