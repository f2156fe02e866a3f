"""Run programs from the driver's own Python code.

All use ``engine.Program``, which registers them with the orphan guard before they run. So they end
with the driver, even if it is killed. tests/lint/programs.py forbids other ways to start programs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from test_driver._engine import engine

if TYPE_CHECKING:
    from collections.abc import Sequence


class Ended(NamedTuple):
    """The exit status and output of a program."""

    status: int
    output: str
    errors: str


def run(words: Sequence[str], limit: float | None = None) -> Ended:
    """Run a program to its end. Raises TimeoutError after ``limit`` seconds."""
    output = os.memfd_create("output", os.MFD_CLOEXEC)
    errors = os.memfd_create("errors", os.MFD_CLOEXEC)
    with open(output, "rb") as said, open(errors, "rb") as complained:
        program = engine.Program(words, output=output, errors=errors)
        try:
            status = program.wait(limit)
        finally:
            program.end(0)
        if status is None:
            raise TimeoutError(f"`{words[0]}` did not end within {limit} s")
        said.seek(0)
        complained.seek(0)
        return Ended(status, _text(said.read()), _text(complained.read()))


def _text(output: bytes) -> str:
    return output.decode(errors="replace")
