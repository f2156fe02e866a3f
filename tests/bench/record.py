"""The samples of a run of the benchmark, by who gave them, figure and round."""

from __future__ import annotations

from statistics import median

from figures import Samples

OURS, BASE, FLOOR = "ours", "base", "floor"  # the peers have names of their own


class Record:
    def __init__(self) -> None:
        self._samples: dict[str, dict[str, dict[int, list[float]]]] = {}

    def add(self, who: str, number: int, samples: Samples) -> None:
        """What ``who`` gave in that round."""
        for name, values in samples.items():
            rounds = self._samples.setdefault(who, {}).setdefault(name, {})
            rounds.setdefault(number, []).extend(values)

    def of(self, who: str, name: str) -> list[float]:
        """All samples of a figure, whatever the round."""
        rounds = self._samples.get(who, {}).get(name, {})
        return [value for values in rounds.values() for value in values]

    def pairs(self, name: str) -> list[tuple[float, float]]:
        """Our median and the base's, for each round in which both gave samples."""
        ours, base = (self._samples.get(who, {}).get(name, {}) for who in (OURS, BASE))
        return [(median(ours[n]), median(base[n])) for n in ours if ours[n] and base.get(n)]

    def as_data(self) -> dict[str, dict[str, dict[int, list[float]]]]:
        return self._samples


def in_turns(drivers: list[str], number: int) -> list[str]:
    """The order in that round: of any two, each is the first one in every second round."""
    return drivers if number % 2 == 0 else drivers[::-1]
