"""Format the table of results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import verdicts
from figures import FIGURES, Figure
from floors import TOLD
from record import BASE, FLOOR, OURS, Record


def show(record: Record, peers: Mapping[str, Path], load: list[float]) -> None:
    named = [f"{name}: {program}" for name, program in peers.items()]
    for line in [*head(record, load), *named, "", *lines(rows(record, list(peers)))]:
        print(line)


def head(record: Record, load: list[float]) -> list[str]:
    """The head of the table: load and speed of the host."""
    found = [(told, record.of(FLOOR, name)) for name, told in TOLD.items()]
    told = [f"{what} {number(median(values))} {unit}" for (what, unit), values in found if values]
    return [
        f"host: {os.cpu_count()} processors, load {load[0]:.1f} before, {load[1]:.1f} after",
        f"      {', '.join(told)}",
    ]


def rows(record: Record, peers: list[str]) -> list[list[str]]:
    compared = bool(record.as_data().get(BASE))
    theirs = [cell for peer in peers for cell in (peer, "p95", "better")]
    titles = ["figure", "unit", OURS, "p95", "floor", "x floor", "goal"]
    titles += [*theirs, *(["goal"] if peers else []), ""]
    titles += [BASE, "worse by", "noise"] if compared else []
    shown = [figure for figure in FIGURES if is_known(figure, record, peers)]
    return [titles, *(row(figure, record, peers, compared) for figure in shown)]


def is_known(figure: Figure, record: Record, peers: list[str]) -> bool:
    return any(record.of(who, figure.name) for who in (OURS, BASE, *peers))


def row(figure: Figure, record: Record, peers: list[str], compared: bool) -> list[str]:
    ours = record.of(OURS, figure.name)
    floor = number(verdicts.floor_of(figure, record))
    sign = "≥" if figure.more_is_better else "≤"
    cells = [figure.name, figure.unit, *summary(ours), floor]
    cells.append(number(verdicts.of_floor(figure, record)))
    cells.append("" if figure.of_floor is None else f"{sign} {figure.of_floor:g}")
    for peer in peers:
        better = number(verdicts.of_peer(figure, record, peer))
        cells += [*summary(record.of(peer, figure.name)), better]
    if peers:
        cells.append("" if figure.of_peer is None else f"≥ {figure.of_peer:g}")
    cells.append({True: "met", False: "NOT", None: ""}[verdicts.met(figure, record, peers)])
    return cells + (change(figure, record) if compared else [])


def change(figure: Figure, record: Record) -> list[str]:
    base = summary(record.of(BASE, figure.name))[0]
    if not (found := verdicts.change(figure, record)):
        return [base, "", ""]
    noise = "?" if found.noise is None else f"{found.noise * 100:.0f} %"
    mark = " WORSE" if found.is_worse else " unsure" if found.seems_worse else ""
    return [base, f"{(found.times_worse - 1) * 100:+.0f} %", f"± {noise}{mark}"]


def summary(samples: list[float]) -> list[str]:
    return [number(median(samples)), number(verdicts.p95(samples))] if samples else ["", ""]


def number(value: float | None) -> str:
    """A number with three significant digits, which is more than the accuracy of the figures."""
    if value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def lines(cells: list[list[str]]) -> list[str]:
    """Align the cells in columns: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
