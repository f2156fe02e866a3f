"""Run every case of tests/conformance/cases; NTD_CONFORMANCE_GROUP selects one directory."""

from __future__ import annotations

import os

import conformance
import pytest
from conformance import Case
from harness import Workspace

GROUP = os.environ.get("NTD_CONFORMANCE_GROUP", "")
CASES = [case for case in conformance.all_cases() if case.name.startswith(GROUP)]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case) -> None:
    if case.containers and os.geteuid() != 0:
        pytest.skip("containers take root")
    with Workspace() as workspace:
        result = conformance.run(case, workspace)
        conformance.check(case, result, workspace)
        workspace.check_nothing_is_left()
