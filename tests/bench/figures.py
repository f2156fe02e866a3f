"""What is measured: each figure with its unit, what it is held against, and its goals."""

from __future__ import annotations

from dataclasses import dataclass

Samples = dict[str, list[float]]  # by the figure's name


@dataclass(frozen=True)
class Figure:
    """One line of the table. Hosts differ, so all goals are ratios within one run."""

    name: str
    unit: str
    floor: str | float | None = None  # one of floors.py, another figure of ours, or a number
    times: int = 1  # as many of the floor
    of_floor: float | None = None  # at most so many times the floor; at least, where more is better
    of_peer: float | None = 2  # so many times better than a Python driver
    more_is_better: bool = False
    may_change: bool = False  # no older commit is held against it


def _wait(
    kind: str,
    floor: str | float = 0,
    of_floor: float | None = None,
    of_peer: float | None = 10,
) -> Figure:
    return Figure(f"wait.{kind}", "ms", floor, of_floor=of_floor, of_peer=of_peer)


def _output(kind: str) -> list[Figure]:
    return [
        Figure(f"output.{kind}.rate", "MB/s", "pipe", of_floor=0.6, more_is_better=True),
        Figure(f"output.{kind}.memory", "x", 1, of_floor=1.3),
    ]


def _machines(count: int) -> list[Figure]:
    """What a machine costs is to stay as it is with ten of them. One thread more for all of them
    is nothing to hold against a commit."""
    name = f"machines.{count}"
    flat = 1.25 if count > 10 else None
    each, threads = ("machines.10.each", "machines.10.threads") if flat else (None, None)
    return [
        Figure(f"{name}.start_all", "ms", "bash", count),
        Figure(f"{name}.first_commands", "ms", "fork", count),
        Figure(f"{name}.script", "ms"),
        Figure(f"{name}.run", "ms", "python", of_peer=4),
        Figure(f"{name}.each", "ms", each, of_floor=flat),
        Figure(f"{name}.resident", "MB", "python_resident"),
        Figure(f"{name}.threads", "", threads, of_floor=flat, of_peer=None, may_change=True),
    ]


FIGURES = [
    Figure("start.first_start_script", "ms", "python", of_floor=2, of_peer=12),
    Figure("start.empty_script", "ms", "python"),
    Figure("start.resident", "MB", "python_resident"),
    Figure("command.execute", "ms", "bash"),
    Figure("command.succeed", "ms", "bash"),
    Figure("command.succeed_spaced", "ms", "bash", of_floor=0.5),
    Figure("command.driver_cpu", "ms"),
    *(figure for kind in ("64", "512", "no_port") for figure in _output(kind)),
    Figure("copy.in", "MB/s", more_is_better=True),
    Figure("copy.out", "MB/s", more_is_better=True),
    Figure("copy.tree_in", "files/s", more_is_better=True),
    Figure("copy.tree_out", "files/s", more_is_better=True),
    _wait("file"),
    _wait("port", "wait.file", 1.5),
    _wait("command", "wait.file", 1.5),
    _wait("unit"),
    _wait("console", of_peer=None),  # the Python driver is as quick: it keeps a processor busy
    Figure("wait.guest_cpu", "%", 100, of_floor=0.1, of_peer=None),
    Figure("console.seconds", "s"),
    Figure("console.cpu", "s"),
    *(figure for count in (1, 10, 20, 50, 100) for figure in _machines(count)),
    Figure("screen.wait_for_text", "s"),
    Figure("guest.round_trip", "ms", "guest.bash", of_floor=1),
    Figure("guest.spaced", "ms", "guest.bash", of_floor=0.25),
    Figure("guest.output", "MB/s", more_is_better=True),
    Figure("guest.copy_in", "MB/s", "guest.copy_out", of_floor=0.6, more_is_better=True),
    Figure("guest.copy_out", "MB/s", more_is_better=True),
    Figure("guest.wait_for_unit", "ms", 0, of_peer=9),
    Figure("guest.unit_wait_cpu", "%", "guest.idle_cpu"),
]
