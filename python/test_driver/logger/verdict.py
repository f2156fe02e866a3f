"""The last words of the log of a test that failed: what happened, where, and what to do."""

from __future__ import annotations

import os
import shlex
import time
from typing import TYPE_CHECKING

from test_driver._engine import engine
from test_driver.logger.failure import FILE_NAME, describe_failure, frames_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Protocol

    class Machine(Protocol):
        """The part of a machine that is needed here."""

        @property
        def name(self) -> str: ...
        def _situation(self) -> str: ...
        def _last_words(self) -> tuple[str, str]: ...


AROUND = 2  # lines of the script before and after the one that failed
MOST_MACHINES = 10
RULE = "---"


def verdict(
    error: BaseException, source: str, machines: Iterable[Machine], begin: float, script: str
) -> str:
    """Why the test failed, for people.

    ``begin`` is the time of time.monotonic() when the test began, ``script`` the script's path.
    """
    parts = [
        describe_failure(error, source),
        RULE,
        f"The test failed after {time.monotonic() - begin:.1f} seconds{_place_of(error, script)}",
        *_source_around(error, source),
        *_machines(list(machines), getattr(error, "_machine", None)),
        *_how_to_go_on(),
    ]
    return "\n".join(parts)


def _place_of(error: BaseException, script: str) -> str:
    line = _line_of(error)
    return f", at {script}:{line}:" if line is not None else "."


def _line_of(error: BaseException) -> int | None:
    """The innermost line of the script in the traceback."""
    if isinstance(error, SyntaxError) and error.filename == FILE_NAME:
        return error.lineno
    lines = [part.tb_lineno for part in frames_of(error)]
    return lines[-1] if lines else None


def _source_around(error: BaseException, source: str) -> Iterator[str]:
    failed = _line_of(error)
    lines = source.splitlines()
    if failed is None or not 0 < failed <= len(lines):
        return
    first = max(failed - AROUND, 1)
    last = min(failed + AROUND, len(lines))
    for number in range(first, last + 1):
        mark = ">" if number == failed else " "
        yield f"{mark} {number:4} | {lines[number - 1]}".rstrip()


def _machines(machines: Sequence[Machine], concerned: str | None) -> Iterator[str]:
    for machine in machines[:MOST_MACHINES]:
        yield f"machine '{machine.name}': {machine._situation()}"
        if concerned not in (None, machine.name):
            continue
        for title, text in zip(("its output", "the end of its console"), machine._last_words()):
            if text:
                yield f"{title}:"
                yield from (f"    {line}" for line in text.splitlines())
    if len(machines) > MOST_MACHINES:
        yield f"(and {len(machines) - MOST_MACHINES} more machines)"


def _how_to_go_on() -> Iterator[str]:
    if "NIX_BUILD_TOP" in os.environ and "IN_NIX_SHELL" not in os.environ:
        yield "To look into it: build the attribute driverInteractive of this test and run it."
        return
    words = [word for word in engine.options().command_line if word not in ("-I", "--interactive")]
    command = shlex.join([words[0], "--interactive", *words[1:]])
    yield f"To look into it: {command}"
