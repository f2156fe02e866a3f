"""The figures to measure: units, what each is compared with, and goals."""

from __future__ import annotations

from dataclasses import dataclass

Samples = dict[str, list[float]]  # by name of the figure


@dataclass(frozen=True)
class Figure:
    """A line of the table. All goals are ratios within one run, because hosts differ."""

    name: str
    unit: str
    floor: str | float | None = None  # name from floors.py, another figure of ours, or a number
    times: int = 1  # the floor is multiplied by this
    of_floor: float | None = None  # goal: at most (or at least, if more is better) this ratio
    of_peer: float | None = 2  # goal: so many times better than a Python driver
    more_is_better: bool = False
    may_change: bool = False  # not compared with older commits


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
    """The figures of a run with ``count`` machines.

    The cost per machine should not grow beyond that with ten machines. The number of threads may
    differ between commits.
    """
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
    _wait("console", of_peer=None),  # the Python driver is as fast, by busy waiting
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
