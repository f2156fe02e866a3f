"""Whatever fails, a test ends in time, says why, and leaves nothing behind; see matrix.py."""

from __future__ import annotations

import pytest

from axes import Case
from conftest import Outcomes


def test_fault(case: Case, outcomes: Outcomes) -> None:
    if found := outcomes[case.id].result():
        pytest.fail("\n".join(found), pytrace=False)
