"""Fixtures: a Nix installation for all tests of a file; check that each test cleans up."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import nix


def pytest_configure() -> None:
    # ./isolated makes the host's file systems read-only first.
    if not os.statvfs("/").f_flag & os.ST_RDONLY or not nix.WORK.is_dir():
        pytest.exit(
            "these tests run Nix builds as root; run them as: tests/nix/isolated pytest ...", 2
        )


@pytest.fixture(scope="session", autouse=True)
def installation() -> None:
    nix.configure(nix.NIX)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    nix.wait_until_no_process()
