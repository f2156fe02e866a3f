"""Evaluate the samples: ratios to floor and peer, goals met, and whether a change is worse."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import median

from figures import Figure
from record import FLOOR, OURS, Record

WORSE = 1.10  # a larger ratio to the base counts as worse
ENOUGH = 3  # rounds needed for a verdict


def p95(samples: list[float]) -> float:
    """The nearest-rank 95th percentile; with fewer than twenty samples, the maximum."""
    ordered = sorted(samples)
    return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]


def floor_of(figure: Figure, record: Record) -> float | None:
    if figure.floor is None or isinstance(figure.floor, (int, float)):
        return figure.floor
    found = record.of(FLOOR, figure.floor) or record.of(OURS, figure.floor)
    return median(found) * figure.times if found else None


def of_floor(figure: Figure, record: Record) -> float | None:
    """The ratio of our median to the floor; None if there is no floor, or it is 0."""
    ours, floor = record.of(OURS, figure.name), floor_of(figure, record)
    return median(ours) / floor if ours and floor else None


def of_peer(figure: Figure, record: Record, peer: str) -> float | None:
    """How many times better our median is than the peer's."""
    ours, theirs = record.of(OURS, figure.name), record.of(peer, figure.name)
    if not ours or not theirs:
        return None
    worse = times_worse(figure, median(ours), median(theirs))
    return 1 / worse if worse else None


def times_worse(figure: Figure, ours: float, other: float) -> float | None:
    """How many times worse ours is (above 1: worse); None if a value is not positive."""
    if ours <= 0 or other <= 0:
        return None
    return other / ours if figure.more_is_better else ours / other


def met(figure: Figure, record: Record, peers: list[str]) -> bool | None:
    """Whether all goals are met that can be judged; None if none can."""
    judged = []
    if figure.of_floor is not None and (ratio := of_floor(figure, record)) is not None:
        within = ratio >= figure.of_floor if figure.more_is_better else ratio <= figure.of_floor
        judged.append(within)
    if figure.of_peer is not None:
        ratios = [of_peer(figure, record, peer) for peer in peers]
        judged += [ratio >= figure.of_peer for ratio in ratios if ratio is not None]
    return all(judged) if judged else None


@dataclass(frozen=True)
class Change:
    """The change from the base to ours: the median of the rounds' ratios, and its uncertainty."""

    times_worse: float
    noise: float | None  # None if there are too few rounds
    rounds: int

    @property
    def seems_worse(self) -> bool:
        return self.times_worse > WORSE

    @property
    def is_worse(self) -> bool:
        """Whether the difference is larger than noise between two equal drivers could be."""
        return self.seems_worse and self.noise is not None and self.times_worse - self.noise > 1


def change(figure: Figure, record: Record) -> Change | None:
    if figure.may_change:
        return None
    ratios = [times_worse(figure, *pair) for pair in record.pairs(figure.name)]
    known = [ratio for ratio in ratios if ratio is not None]
    if not known:
        return None
    middle = median(known)
    if len(known) < ENOUGH:
        return Change(middle, None, len(known))
    deviation = median(abs(ratio - middle) for ratio in known)
    # Twice the standard error of the median, from the median deviation: 2 * 1.253 * 1.483.
    return Change(middle, 3.7 * deviation / sqrt(len(known)), len(known))
