"""Uses the fixtures and the harness of the integration tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from fixtures import run_driver, spawn_driver, workspace  # noqa: E402, F401
