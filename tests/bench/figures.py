"""What is measured: each figure with its unit, what it should be, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

Samples = dict[str, list[float]]  # by the figure's name


@dataclass(frozen=True)
class Figure:
    """One line of the table. Goals are for our driver; None where there is none."""

    name: str
    unit: str
    goal: float | None = None
    goal_p95: float | None = None
    more_is_better: bool = False

    def met(self, samples: list[float]) -> bool | None:
        """Whether the samples are within the goals; None without goals or samples."""
        if self.goal is None or not samples:
            return None
        if self.more_is_better:
            return median(samples) >= self.goal
        within = median(samples) <= self.goal
        return within and (self.goal_p95 is None or p95(samples) <= self.goal_p95)


def p95(samples: list[float]) -> float:
    """The nearest-rank percentile: the greatest of fewer than twenty samples."""
    ordered = sorted(samples)
    return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]


def _wait(kind: str) -> Figure:
    return Figure(f"wait.{kind}", "ms", 20, 50)


def _machines(count: int) -> list[Figure]:
    goals = (1.0, 60.0, 2.0) if count == 100 else (None, None, None)
    units = {"seconds": "s", "resident": "MB", "threads": ""}
    named = zip(units.items(), goals, strict=True)
    return [Figure(f"machines.{count}.{name}", unit, goal) for (name, unit), goal in named]


FIGURES = [
    Figure("start.first_start_script", "ms", 40),
    Figure("start.empty_script", "ms", 80),
    Figure("start.resident", "MB", 25),
    Figure("command.execute", "ms"),
    Figure("command.succeed", "ms", 1.8),
    Figure("command.driver_cpu", "ms", 0.05),
    Figure("output.64.rate", "MB/s", 300, more_is_better=True),
    Figure("output.64.memory", "x", 2),
    Figure("output.512.rate", "MB/s", 300, more_is_better=True),
    Figure("output.512.memory", "x", 2),
    Figure("copy.in", "MB/s", 300, more_is_better=True),
    Figure("copy.out", "MB/s", 300, more_is_better=True),
    Figure("copy.tree_in", "files/s", more_is_better=True),
    Figure("copy.tree_out", "files/s", more_is_better=True),
    *map(_wait, ("file", "port", "command", "unit", "console")),
    Figure("wait.guest_cpu", "%", 10),
    Figure("console.seconds", "s", 2),
    Figure("console.cpu", "s", 1),
    *(figure for count in (1, 10, 50, 100) for figure in _machines(count)),
    Figure("screen.wait_for_text", "s"),
    Figure("guest.round_trip", "ms"),
    Figure("guest.output", "MB/s", 60, more_is_better=True),
    Figure("guest.copy_in", "MB/s", 60, more_is_better=True),
    Figure("guest.copy_out", "MB/s", 60, more_is_better=True),
]
