"""Paths and programs for the tests of this directory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PYTHON_DIR = ROOT / "python"
PACKAGE = PYTHON_DIR / "test_driver"
BIN_DIR = Path(os.environ.get("NTD_BIN_DIR", ROOT / "build" / "dev" / "bin"))
DRIVER = BIN_DIR / "nixos-test-driver"
GENERATE_SYMBOLS = BIN_DIR / "generate-driver-symbols"


def program(*names: str) -> str:
    """The path of the first of these programs that is installed."""
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, f"not installed: {' or '.join(names)} (see cmake/bootstrap.sh)"
    return found
