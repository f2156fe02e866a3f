"""Run and check a case: a directory with a test script and its expected results (README.md)."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "integration"), str(HERE.parent / "guest")]

import containers  # noqa: E402
import guest  # noqa: E402
from harness import BIN_DIR, DRIVER, FAKE_VM, SLOWNESS, Command, Result, Workspace  # noqa: E402

CASES = HERE / "cases"

# How each release passes the configuration to a driver. Where releases disagree, this tells them
# apart.
TOLD_BY = {"25.11": "flags", "26.05": "json"}
# Makes containers suitable for the Python driver: it gets messages on NOTIFY_SOCKET, ends only the
# start script, and needs bash as the container's /bin/sh.
LIFE_OF_A_CONTAINER = """
    enter = ["nsenter", "--mount", "--target", child]
    subprocess.run([*enter, "mount", "--bind", "/bin/bash", "/bin/sh"], check=True)
    signal.signal(signal.SIGTERM, lambda *_: container.kill())
    say(leader, "READY=1")
"""
UPDATE = bool(os.environ.get("NTD_CONFORMANCE_UPDATE"))


@dataclass(frozen=True)
class Reference:
    """Another driver to run instead of ours, and its release."""

    program: Path
    release: str  # a key of TOLD_BY


@dataclass(frozen=True)
class Case:
    """The content of case.toml, with its defaults."""

    directory: Path
    covers: list[str]  # rows of contract/*.toml
    machines: dict[str, str] = field(default_factory=lambda: {"machine": ""})
    guests: list[str] = field(default_factory=list)  # NAME:VLANS:UNITS of real guests, instead
    guest_options: list[str] = field(default_factory=list)  # options of make-start-scripts
    containers: list[str] = field(default_factory=list)  # names of additional fake containers
    vlans: list[int] = field(default_factory=list)
    generation: str = "flags"
    release: str = ""  # a key of TOLD_BY: the only release of the case; sets the generation
    global_timeout: float | None = None
    args: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    status: int = 0
    stdin: str = ""
    seconds: float = 120.0  # time limit of the run; only a hang reaches it
    log: str = "script"  # what expected.log contains: "script", "whole", "verdict"
    console: bool = False  # whether expected.log has serial lines
    present: list[str] = field(default_factory=list)  # regular expressions, for the log
    absent: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)  # the same for standard output
    written: dict[str, list[str]] = field(default_factory=dict)  # and for output files
    like: str = ""  # the case whose script is appended to that of this one
    differs: dict[str, str] = field(default_factory=dict)  # per release: why its result differs

    @property
    def name(self) -> str:
        return str(self.directory.relative_to(CASES))

    @property
    def told_by(self) -> str:
        by_default = self.release and self.generation == "flags"
        return TOLD_BY[self.release] if by_default else self.generation

    @property
    def script(self) -> str:
        directories = [self.directory, *([CASES / self.like] if self.like else [])]
        texts = [(directory / "test.py").read_text(encoding="utf-8") for directory in directories]
        return "\n".join(texts)

    @property
    def expected_log(self) -> Path:
        return self.directory / "expected.log"


def load(directory: Path) -> Case:
    """Load a case. Raises ValueError if its settings are not valid."""
    settings = tomllib.loads((directory / "case.toml").read_text(encoding="utf-8"))
    known = {item.name for item in fields(Case)} - {"directory"}
    if unknown := settings.keys() - known:
        raise ValueError(f"{directory}: unknown keys {sorted(unknown)}")
    if not settings.get("covers"):
        raise ValueError(f"{directory}: 'covers' names no row of the contract")
    if (release := settings.get("release")) and release not in TOLD_BY:
        raise ValueError(f"{directory}: release {release!r} is none of {list(TOLD_BY)}")
    if isinstance(reason := settings.get("differs"), str):
        settings["differs"] = dict.fromkeys(TOLD_BY, reason)
    if unknown := settings.get("differs", {}).keys() - TOLD_BY.keys():
        raise ValueError(f"{directory}: it differs in {sorted(unknown)}, none of {list(TOLD_BY)}")
    return Case(directory, **settings)


def all_cases() -> list[Case]:
    return [load(path.parent) for path in sorted(CASES.rglob("case.toml"))]


def contract() -> dict[str, str]:
    """The promises to scripts, by the names that ``covers`` uses: {GROUP.ROW: description}."""
    rows = {}
    for path in sorted((HERE / "contract").glob("*.toml")):
        for row, promise in tomllib.loads(path.read_text(encoding="utf-8")).items():
            rows[f"{path.stem}.{row}"] = promise
    return rows


# ----------------------------------------------------------------------------------------- running


def run(case: Case, workspace: Workspace, other: Reference | None = None) -> Result:
    """Run a case with our driver, or with an ``other`` one."""
    copy_tree(case.directory / "input", workspace.root)
    slowness = 1 if case.guests else SLOWNESS
    command = command_of(case, workspace, other)
    return workspace.run(command, case.seconds * slowness, stdin=case.stdin)


def command_of(case: Case, workspace: Workspace, other: Reference | None) -> Command:
    places = {"@ROOT@": workspace.root, "@FAKE_VM@": FAKE_VM, "@SUITE@": HERE}

    def with_places(text: str) -> str:
        for name, path in places.items():
            text = text.replace(name, str(path))
        return text

    program = other.program if other else DRIVER
    args = [with_places(word) for word in case.args]
    env = {name: with_places(value) for name, value in case.env.items()}
    scripts = start_scripts(case, workspace)
    if case.told_by == "args":
        workspace.test_script(case.script)
        return Command([str(program), *args], workspace.environment(env))
    body = containers.notifying(LIFE_OF_A_CONTAINER) if other else containers.FAKE_CONTAINER
    boxes = {name: containers.start_script(workspace, name, body) for name in case.containers}
    return workspace.command(
        case.script,
        program=program,
        vlans=case.vlans,
        args=args,
        env=env,
        scripts=scripts,
        containers=boxes,
        global_timeout=case.global_timeout,
        generation=told_to(other, case) if other else case.told_by,
    )


def told_to(other: Reference, case: Case) -> str:
    """The generation for a driver of that release; "environment" is a variant of "flags"."""
    told_by = TOLD_BY[other.release]
    return "environment" if (told_by, case.generation) == ("flags", "environment") else told_by


def start_scripts(case: Case, workspace: Workspace) -> dict[str, Path]:
    if not case.guests:
        return workspace.start_scripts(case.machines)
    names = [machine.split(":")[0] for machine in case.guests]
    paths = guest.start_scripts(workspace.scripts, *case.guests, options=case.guest_options)
    return dict(zip(names, paths, strict=True))


def copy_tree(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
        for directory in (target, *target.rglob("*/")):  # a checkout may be writable by the group
            if not directory.is_symlink():
                directory.chmod(0o755)


# --------------------------------------------------------------------------------------- comparing

# Log lines that do not come from the script, and parts that differ between any two runs.
HOUSEKEEPING = re.compile(
    r"""(\S+:\ )?(
        starting\ vm | QEMU\ running\ \(pid.* | waiting\ for\ the\ VM\ to\ finish\ booting |
        Guest\ shell\ says:.* | connected\ to\ guest\ root\ shell | \(connecting\ took.* |
        \((finished|failed):\ (waiting\ for\ the\ VM\ to\ finish\ booting|run\ the\ VM\ test\ script).* |
        \(for\ \d+\ seconds:.* |
        test\ script\ finished\ in.*
    )""",
    re.VERBOSE,
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
NOISE = re.compile(r"\S+: stderr: qemu-system.*terminating on signal.*")
VARIABLE = [
    (COLOUR, ""),
    (re.compile(r"\b[0-9]+\.[0-9]+( ?s(econds)?\b)"), r"N\1"),
    (re.compile(r"\bpid [0-9]+"), "pid PID"),
    (re.compile(r"\bsleep [0-9]{6,}"), "sleep NUMBER"),
    (re.compile(r"\blooked [0-9]+ times?"), "looked N times"),
]
SERIAL = re.compile(r"\S+ # ")


def normalised(text: str, case: Case, workspace: Workspace) -> str:
    """The log without what may differ between two runs of the case."""
    places = [(str(workspace.root), "@ROOT@"), (str(BIN_DIR), "@BIN@")]
    for place, name in places:
        text = text.replace(place, name)
    for pattern, replacement in VARIABLE:
        text = pattern.sub(replacement, text)
    lines = [line for line in text.splitlines() if not NOISE.fullmatch(line)]
    if case.log == "verdict":
        return "".join(f"{line.rstrip()}\n" for line in lines if line.startswith("!!! "))
    if case.log == "script":
        lines = [line for line in of_the_script(lines) if not HOUSEKEEPING.fullmatch(line)]
    if not case.console:
        lines = [line for line in lines if not SERIAL.match(line)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def of_the_script(lines: list[str]) -> list[str]:
    begin = lines.index("run the VM test script") + 1 if "run the VM test script" in lines else 0
    end = lines.index("cleanup") if "cleanup" in lines else len(lines)
    return [*lines[begin:end], *traceback_in(lines[end:])]


def traceback_in(lines: list[str]) -> list[str]:
    """The traceback, without what follows it: line numbers and machines differ between drivers."""
    blamed = [line for line in lines if line.startswith("!!! ")]
    return blamed[: blamed.index("!!! ---")] if "!!! ---" in blamed else blamed


def check(case: Case, result: Result, workspace: Workspace) -> None:
    """Compare a result with the case. Raises AssertionError, with the whole log, if it differs."""
    check_outcome(case, result, workspace)
    check_log(case, result, workspace)


def check_outcome(case: Case, result: Result, workspace: Workspace) -> None:
    """Like check(), but without the log, whose words differ in other drivers."""
    assert result.returncode == case.status, f"expected status {case.status}, got {result}"
    for pattern in case.printed:
        assert re.search(pattern, result.stdout, re.MULTILINE), f"no {pattern!r} in {result}"
    check_files(case, result, workspace)


def check_files(case: Case, result: Result, workspace: Workspace) -> None:
    """Check that each file under output/ is in the output directory; XML is normalised."""
    expected = case.directory / "output"
    for path in sorted(expected.rglob("*")):
        if path.is_dir():
            continue
        made = workspace.out / path.relative_to(expected)
        assert made.is_file(), f"{made.name} was not made; {result}"
        if UPDATE:
            path.write_bytes(normalised_file(made, workspace))
        assert normalised_file(made, workspace) == normalised_file(path, workspace), (
            f"{made.name} is not as expected:\n{made.read_text(errors='replace')}"
        )
    for name, patterns in case.written.items():
        assert (workspace.out / name).is_file(), f"{name} was not made; {result}"
        content = (workspace.out / name).read_text(encoding="utf-8")
        for pattern in patterns:
            assert re.search(pattern, content, re.MULTILINE), f"no {pattern!r} in {name}: {content}"


def normalised_file(path: Path, workspace: Workspace) -> bytes:
    if path.suffix != ".xml":
        return path.read_bytes()
    # What a reader sees: not how attributes are ordered and which characters are escaped.
    content = ElementTree.canonicalize(from_file=path).encode()
    content = content.replace(str(workspace.root).encode(), b"@ROOT@")
    content = re.sub(rb'(time|timestamp)="[^"]*"', rb'\1="N"', content)
    content = re.sub(rb"\bpid [0-9]+", b"pid PID", content)
    return re.sub(rb"\b[0-9]+\.[0-9]+( ?s(econds)?\b)", rb"N\1", content)


def check_log(case: Case, result: Result, workspace: Workspace) -> None:
    for pattern in case.present:
        assert re.search(pattern, result.stderr, re.MULTILINE), f"no {pattern!r} in {result}"
    for pattern in case.absent:
        assert not re.search(pattern, result.stderr, re.MULTILINE), f"{pattern!r} in {result}"
    if not case.expected_log.exists():
        return
    log = normalised(result.stderr, case, workspace)
    if UPDATE:
        case.expected_log.write_text(log, encoding="utf-8")
    expected = case.expected_log.read_text(encoding="utf-8")
    assert log.splitlines() == expected.splitlines(), str(result)
