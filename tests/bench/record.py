"""The samples of a benchmark, by driver, figure and round."""

from __future__ import annotations

from statistics import median

from figures import Samples

OURS, BASE, FLOOR = "ours", "base", "floor"  # peers have other names


class Record:
    def __init__(self) -> None:
        self._samples: dict[str, dict[str, dict[int, list[float]]]] = {}

    def add(self, who: str, number: int, samples: Samples) -> None:
        """Add the samples of a driver or floor from one round."""
        for name, values in samples.items():
            rounds = self._samples.setdefault(who, {}).setdefault(name, {})
            rounds.setdefault(number, []).extend(values)

    def of(self, who: str, name: str) -> list[float]:
        """All samples of a figure from all rounds."""
        rounds = self._samples.get(who, {}).get(name, {})
        return [value for values in rounds.values() for value in values]

    def pairs(self, name: str) -> list[tuple[float, float]]:
        """The medians of ours and of the base, for each round in which both have samples."""
        ours, base = (self._samples.get(who, {}).get(name, {}) for who in (OURS, BASE))
        return [(median(ours[n]), median(base[n])) for n in ours if ours[n] and base.get(n)]

    def as_data(self) -> dict[str, dict[str, dict[int, list[float]]]]:
        return self._samples


def in_turns(drivers: list[str], number: int) -> list[str]:
    """The order of the drivers in a round; it is reversed in every second round."""
    return drivers if number % 2 == 0 else drivers[::-1]
