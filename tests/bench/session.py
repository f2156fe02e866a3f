"""A run of the benchmark: the order and number of the measurements."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import floors
import verdicts
from drivers import Driver
from figures import FIGURES
from groups import Bench, Group, RunFailed, Sizes
from record import BASE, FLOOR, OURS, Record, in_turns

MORE = 3  # factor for the number of rounds of groups that seem worse


@dataclass
class Session:
    drivers: Mapping[str, Driver]
    groups: Sequence[Group]
    sizes: Sizes
    python: Path
    record: Record = field(default_factory=Record)
    _failures: dict[tuple[str, str], str] = field(default_factory=dict)
    _group_of: dict[str, str] = field(default_factory=dict)  # by name of the figure

    def run(self, rounds: int) -> None:
        """Run all rounds; then more rounds of ours and the base for groups that seem worse."""
        for number in range(rounds):
            self._floors(number)
            for group in self.groups:
                self._turns(group, list(self.drivers), number)
        seeming = {self._group_of[name] for name in self._changed("seems_worse")}
        for number in range(rounds, MORE * rounds if seeming else 0):
            for group in self.groups:
                if group.__name__ in seeming:
                    self._turns(group, [OURS, BASE], number)

    def worse(self) -> list[str]:
        """The names of the figures that are worse than those of the base."""
        return self._changed("is_worse")

    def problems(self) -> list[str]:
        failures = self._failures.items()
        return [f"no figures of {group} ({who}): {why}" for (who, group), why in failures]

    def failed(self, who: str) -> bool:
        return any(failed == who for failed, _ in self._failures)

    def _floors(self, number: int) -> None:
        commands, mib = self.sizes.commands, min(self.sizes.output_mib.values())
        self.record.add(FLOOR, number, floors.measure(self.python, min(commands, 40), mib))

    def _turns(self, group: Group, names: list[str], number: int) -> None:
        """Measure each driver once, except for those that have failed at this group before."""
        for who in in_turns(names, number):
            if (who, group.__name__) not in self._failures:
                print(f"round {number + 1}: {group.__name__} ({who})", file=sys.stderr, flush=True)
                self._measure(group, who, number)

    def _measure(self, group: Group, who: str, number: int) -> None:
        try:
            samples = group(Bench(self.drivers[who], self.sizes))
        except RunFailed as error:
            self._failures[who, group.__name__] = str(error)
            return
        self.record.add(who, number, samples)
        self._group_of.update(dict.fromkeys(samples, group.__name__))

    def _changed(self, how: str) -> list[str]:
        changes = {figure.name: verdicts.change(figure, self.record) for figure in FIGURES}
        return [name for name, change in changes.items() if change and getattr(change, how)]
