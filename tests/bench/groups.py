"""The measurements: each group runs a driver one or more times, and returns some figures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from drivers import Driver
from figures import Samples
from guest import start_scripts
from harness import Command, Machines, Workspace

SCRIPTS = Path(__file__).with_name("scripts")

# Limit of one run in seconds. The Python driver never finishes a million console lines.
LIMIT = 120.0
GUEST_LIMIT = 900.0


@dataclass(frozen=True)
class Sizes:
    """The amount of work in one round."""

    starts: int = 5
    commands: int = 300
    spaced: int = 50
    output_mib: Mapping[str, int] = field(default_factory=lambda: {"64": 64, "512": 512})
    copy_mib: int = 64
    tree_files: int = 20_000
    events: int = 8  # per kind of wait
    longest_delay: float = 2.0  # seconds until an event
    console_lines: int = 1_000_000
    machines: tuple[int, ...] = (1, 10, 20, 50, 100)
    guest_mib: int = 64
    guest_commands: int = 20


TINY = Sizes(1, 3, 2, {"64": 1}, 1, 10, 1, 0.1, 1000, (1,), 1, 2)


class RunFailed(Exception):
    """A run of the driver failed; the message says how it ended."""


@dataclass(frozen=True)
class Bench:
    """A driver, and the amount of work for it."""

    driver: Driver
    sizes: Sizes

    def run(
        self,
        script: str,
        machines: Machines | None = None,
        parameters: Mapping[str, object] | None = None,
        scripts: Mapping[str, Path] | None = None,
        limit: float = LIMIT,
    ) -> Samples:
        """Run scripts/SCRIPT.py with the parameters as global variables.

        Returns the samples that it reports, and the seconds of the whole run as "run".
        """
        with Workspace() as place:
            source = _source(script, {"RESULT": str(place.root / "result"), **(parameters or {})})
            command = self.command(place, source, machines, scripts)
            seconds = _run(place, command, limit)
            return {**json.loads((place.root / "result").read_text()), "run": [seconds]}

    def command(
        self,
        place: Workspace,
        source: str,
        machines: Machines | None = None,
        scripts: Mapping[str, Path] | None = None,
    ) -> Command:
        """The command line for this driver. The Python driver of 25.11 requires a timeout."""
        return place.command(
            source,
            machines,
            program=self.driver.program,
            scripts=scripts,
            generation=self.driver.generation,
            global_timeout=3600,
        )


def _source(script: str, parameters: Mapping[str, object]) -> str:
    values = "".join(f"{name} = {value!r}\n" for name, value in parameters.items())
    texts = [(SCRIPTS / f"{name}.py").read_text() for name in ("prelude", script)]
    return texts[0].replace("from __future__ import annotations\n", "") + values + texts[1]


def _run(place: Workspace, command: Command, limit: float) -> float:
    """Run to the end; return the seconds.

    The log goes to a file: reading a pipe would compete with the driver for the processor.
    """
    log = place.root / "log"
    to_file = ["/bin/sh", "-c", 'log=$1; shift; exec "$@" 2>"$log"', "sh", str(log)]
    try:
        result = place.run(Command([*to_file, *command.argv], command.env), limit)
    except AssertionError as error:
        raise RunFailed(str(error).splitlines()[0]) from None
    if result.returncode != 0:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 2000))
            tail = file.read().decode(errors="replace")
        raise RunFailed(f"status {result.returncode}:\n{tail}")
    return result.seconds


# --------------------------------------------------------------------------------- the fake machine


def start(bench: Bench) -> Samples:
    """Time from exec to the first start script; time of an empty test; memory at its end."""
    samples: Samples = {"start.first_start_script": [], "start.empty_script": []}
    for _ in range(bench.sizes.starts):
        samples["start.first_start_script"].append(_until_start_script(bench))
        samples["start.empty_script"].append(_empty_script(bench))
    return samples | bench.run("resident")


def _until_start_script(bench: Bench) -> float:
    with Workspace() as place:
        fifo = place.root / "started"
        os.mkfifo(fifo)
        scripts = {"web": place.start_script("web", body=f": >{fifo}; exit 1")}
        command = bench.command(place, "start_all()\n", scripts=scripts)
        moments: list[float] = []

        def wait_for_start() -> None:
            with fifo.open("rb"):
                moments.append(time.monotonic())

        waiting = Thread(target=wait_for_start)
        waiting.start()
        begin = time.monotonic()
        pid = _spawn(place, command)
        waiting.join()
        # The Python driver does not end when a start script fails.
        _end(place, pid)
        return (moments[0] - begin) * 1000


def _empty_script(bench: Bench) -> float:
    with Workspace() as place:
        command = bench.command(place, "")
        begin = time.monotonic()
        _, status = os.waitpid(_spawn(place, command), 0)
        if status != 0:
            raise RunFailed((place.root / "log").read_text())
        return (time.monotonic() - begin) * 1000


def _spawn(place: Workspace, command: Command) -> int:
    """Start the driver directly: a shell or a fork of this process would take time."""
    log = str(place.root / "log")
    flags = os.O_WRONLY | os.O_CREAT
    actions = [(os.POSIX_SPAWN_OPEN, fd, log, flags, 0o600) for fd in (1, 2)]
    return os.posix_spawn(command.argv[0], command.argv, command.env, file_actions=actions)


def _end(place: Workspace, pid: int) -> None:
    place.kill_leftovers()
    os.waitpid(pid, 0)


def command(bench: Bench) -> Samples:
    """Time of one command."""
    parameters = {"COUNT": bench.sizes.commands, "SPACED": bench.sizes.spaced}
    return bench.run("command", parameters=parameters)


def output(bench: Bench) -> Samples:
    """Rate and memory for large output of one command.

    Each size has a run of its own, because of the memory. The last one is in a guest without our
    port, as with the Python driver.
    """
    samples: Samples = {}
    sizes = bench.sizes.output_mib
    for name, size in {**sizes, "no_port": min(sizes.values())}.items():
        options = "--no-port" if name == "no_port" else ""
        samples |= bench.run("output", {"web": options}, {"NAME": name, "MIB": size})
    return samples


def copy(bench: Bench) -> Samples:
    """Copies of a file into the guest and back through the root shell; and of a tree."""
    return {
        **bench.run("copy", parameters={"MIB": bench.sizes.copy_mib, "KIND": "copy"}),
        **bench.run("tree", parameters={"FILES": bench.sizes.tree_files}),
    }


def wait(bench: Bench) -> Samples:
    """Time from an event until the wait for it returns; processor time of polls in the guest."""
    parameters = {"COUNT": bench.sizes.events, "LONGEST": bench.sizes.longest_delay}
    return bench.run("wait", parameters=parameters, limit=3 * LIMIT)


def console(bench: Bench) -> Samples:
    """Time for many console lines of 100 bytes, with a wait for the last one."""
    return bench.run("console", parameters={"LINES": bench.sizes.console_lines})


def machines(bench: Bench) -> Samples:
    """Time to start machines, run a command on each in turn, and end them all."""
    samples: Samples = {}
    for count in bench.sizes.machines:
        found = bench.run("machines", {f"m{number}": "" for number in range(count)})
        found["run"] = [seconds * 1000 for seconds in found["run"]]
        samples |= {f"machines.{count}.{name}": values for name, values in found.items()}
    return samples


def screen(bench: Bench) -> Samples:
    """Time to find text that is on the screen already."""
    for tool in ("convert", "tesseract"):
        if not shutil.which(tool):
            raise RunFailed(f"there is no '{tool}' in PATH")
    with Workspace() as place:
        picture = place.root / "screen.ppm"
        text = ["-font", "DejaVu-Sans", "-pointsize", "24", "label:The installation has finished"]
        border = ["-bordercolor", "white", "-border", "40"]
        subprocess.run(["convert", "-depth", "8", *text, *border, picture], check=True)
        return bench.run("screen", {"web": f"--screen={picture}"})


# ----------------------------------------------------------------------------------- the real guest


def guest(bench: Bench) -> Samples:
    """Commands, output and waits for units in a real guest."""
    sizes = bench.sizes
    counts = {"COUNT": sizes.guest_commands, "UNITS": sizes.events}
    return _on_guest(bench, "guest", {"MIB": sizes.guest_mib, **counts})


def guest_copies(bench: Bench) -> Samples:
    """Copies of a file into a real guest and back, which exceed limits of the Python driver."""
    return _on_guest(bench, "guest_copies", {"MIB": bench.sizes.guest_mib})


def _on_guest(bench: Bench, script: str, parameters: Mapping[str, object]) -> Samples:
    """Run a script on the guest of examples/guest, which is built if necessary."""
    with Workspace() as place:
        scripts = {"guest": start_scripts(place.scripts, "guest:-")[0]}
        return bench.run(script, parameters=parameters, scripts=scripts, limit=GUEST_LIMIT)


Group = Callable[[Bench], Samples]
FAKE: list[Group] = [start, command, output, copy, wait, console, machines, screen]
GUEST: list[Group] = [guest, guest_copies]
