"""The list of promises and the cases match each other."""

from __future__ import annotations

import conformance

ROWS = conformance.contract()
CASES = conformance.all_cases()


def test_every_row_is_covered() -> None:
    covered = {row for case in CASES for row in case.covers}
    assert sorted(ROWS.keys() - covered) == []


def test_no_case_covers_what_is_not_promised() -> None:
    unknown = {f"{case.name}: {row}" for case in CASES for row in case.covers if row not in ROWS}
    assert sorted(unknown) == []


def test_every_case_expects_something() -> None:
    empty = [case.name for case in CASES if not case.script.strip() and not case.expected_log.exists()]
    assert empty == []
