"""The executables to measure: our driver, a peer, an older commit that is built for this."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "against"


@dataclass(frozen=True)
class Driver:
    """A driver, and how it gets its configuration: by "flags" (up to 25.11) or as "json"."""

    program: Path
    generation: str = "flags"


def peer(program: Path) -> Driver:
    """Another driver; its --help shows how to pass the configuration."""
    try:
        shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise SystemExit(f"the peer cannot be run: {error}") from None
    return Driver(program.absolute(), generation(shown.stdout))


def generation(shown: str) -> str:
    for option, found in (("--start-scripts", "flags"), ("--config", "json")):
        if option in shown:
            return found
    raise SystemExit(f"the peer's --help names neither --start-scripts nor --config: {shown[:200]}")


def setting(build: Path, name: str) -> str | None:
    """A value in the CMake cache of a build directory; None if there is none."""
    cache = build / "CMakeCache.txt"
    text = cache.read_text() if cache.exists() else ""
    found = re.search(rf"^_?{name}:\w+=(.+)$", text, re.MULTILINE)
    return found[1] if found else None


def python_of(build: Path) -> Path:
    """The Python that the driver of this build embeds."""
    return Path(setting(build, "Python3_EXECUTABLE") or sys.executable)


def commit(name: str, like: Path) -> Driver:
    """Build a commit with the settings of the build directory ``like``, but without tests.

    It is built only once.
    """
    found = run("git", "-C", str(ROOT), "rev-parse", "--verify", f"{name}^{{commit}}", output=True)
    place = CACHE / found.strip()[:12]
    settings = settings_like(like)
    mark = place / "built-with"
    if not mark.exists() or mark.read_text() != "\n".join(settings):
        shutil.rmtree(place, ignore_errors=True)
        build_commit(found.strip(), place, settings, python_of(like))
        mark.write_text("\n".join(settings))
    return Driver(place / "build" / "bin" / "nixos-test-driver")


def settings_like(build: Path) -> list[str]:
    names = ("CMAKE_BUILD_TYPE", "CMAKE_CXX_COMPILER", "CMAKE_CXX_FLAGS", "NTD_SANITIZE")
    same = {name: setting(build, name) for name in names}
    same |= {"Python3_EXECUTABLE": str(python_of(build)), "NTD_BUILD_TESTS": "OFF"}
    return [f"-D{name}={value}" for name, value in same.items() if value]


def build_commit(commit_id: str, place: Path, settings: list[str], python: Path) -> None:
    source, build = str(place / "source"), str(place / "build")
    (place / "source").mkdir(parents=True)
    archive = place / "source.tar"
    run("git", "-C", str(ROOT), "archive", "--output", str(archive), commit_id)
    run("tar", "-xf", str(archive), "-C", source)
    archive.unlink()
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", *settings)
    run("cmake", "--build", build)
    compile_modules(python, place / "source")


def compile_modules(python: Path, source: Path) -> None:
    """Compile the Python modules, so that the first start of the driver need not do it."""
    run(str(python), "-m", "compileall", "-q", str(source / "python"))


def run(*argv: str, output: bool = False) -> str:
    """Run a program; return its standard output if ``output``, else send it to our stderr.

    Our standard output is for the table.
    """
    to: int | TextIO = subprocess.PIPE if output else sys.stderr
    try:
        return subprocess.run(argv, stdout=to, text=True, check=True).stdout or ""
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"status {error.returncode}: {shlex.join(argv)}") from None
