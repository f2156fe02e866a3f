"""A run of the benchmark: who measures what and in which order."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import floors
from drivers import Driver
from groups import Bench, Group, RunFailed, Sizes
from record import FLOOR, Record, in_turns


@dataclass
class Session:
    drivers: Mapping[str, Driver]
    groups: Sequence[Group]
    sizes: Sizes
    python: Path
    record: Record = field(default_factory=Record)
    _failures: dict[tuple[str, str], str] = field(default_factory=dict)

    def run(self, rounds: int) -> None:
        """All rounds."""
        for number in range(rounds):
            self._floors(number)
            for group in self.groups:
                self._turns(group, number)

    def problems(self) -> list[str]:
        failures = self._failures.items()
        return [f"no figures of {group} ({who}): {why}" for (who, group), why in failures]

    def failed(self, who: str) -> bool:
        return any(failed == who for failed, _ in self._failures)

    def _floors(self, number: int) -> None:
        commands, mib = self.sizes.commands, min(self.sizes.output_mib.values())
        self.record.add(FLOOR, number, floors.measure(self.python, min(commands, 40), mib))

    def _turns(self, group: Group, number: int) -> None:
        """Each driver once; one that has failed at this does not get another chance."""
        for who in in_turns(list(self.drivers), number):
            if (who, group.__name__) not in self._failures:
                print(f"round {number + 1}: {group.__name__} ({who})", file=sys.stderr, flush=True)
                self._measure(group, who, number)

    def _measure(self, group: Group, who: str, number: int) -> None:
        try:
            self.record.add(who, number, group(Bench(self.drivers[who], self.sizes)))
        except RunFailed as error:
            self._failures[who, group.__name__] = str(error)
