"""The last words of the log of a test that failed: what happened, where, and what to do."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, NamedTuple

from test_driver._engine import engine
from test_driver.config import in_nix_sandbox
from test_driver.logger.failure import FILE_NAME, describe_failure, innermost_of, message_of

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


class Verdict(NamedTuple):
    """Why the test failed."""

    reason: str  # in one line
    failure: str  # the traceback
    line: int  # of the script; 0: unknown
    command: str  # to look into it


def judge(error: BaseException, source: str) -> Verdict:
    """Why the test with the text ``source`` failed."""
    reason = f"{type(error).__name__}: {message_of(error)}".partition("\n")[0]
    failure = describe_failure(error, source)
    return Verdict(reason, failure, _line_of(error) or 0, _command_to_go_on())


def last_words(
    found: Verdict,
    error: BaseException,
    source: str,
    machines: Iterable[Machine],
    begin: float,
    script: str,
) -> str:
    """What the log says below the traceback, for people.

    ``begin`` is the time of time.monotonic() when the test began, ``script`` the script's path.
    """
    place = f", at {script}:{found.line}:" if found.line else "."
    parts = [
        f"The test failed after {time.monotonic() - begin:.1f} seconds{place}",
        *_source_around(found.line, source),
        *_machines(list(machines), getattr(error, "_machine", None), found.failure),
    ]
    if engine.keeps_evidence(False):
        parts.append(f"What the machines and the log show: {engine.report_path()}")
    parts.append(f"To look into it: {found.command}")
    return "\n".join(parts)


def _line_of(error: BaseException) -> int | None:
    """The innermost line of the script in the traceback."""
    if isinstance(error, SyntaxError) and error.filename == FILE_NAME:
        return error.lineno
    part = innermost_of(error)
    return part.tb_lineno if part is not None else None


def _source_around(failed: int, source: str) -> Iterator[str]:
    lines = source.splitlines()
    if not 0 < failed <= len(lines):
        return
    first = max(failed - AROUND, 1)
    last = min(failed + AROUND, len(lines))
    for number in range(first, last + 1):
        mark = ">" if number == failed else " "
        yield f"{mark} {number:4} | {lines[number - 1]}".rstrip()


def _machines(
    machines: Sequence[Machine], concerned: str | None, known: str
) -> Iterator[str]:
    """What each machine was doing; of the ``concerned`` one also what is not yet ``known``."""
    for machine in machines[:MOST_MACHINES]:
        yield f"machine '{machine.name}': {machine._situation()}"
        if concerned not in (None, machine.name):
            continue
        for title, text in zip(("its output", "the end of its console"), machine._last_words()):
            if text and text.rpartition("\n")[2] not in known:
                yield f"{title}:"
                yield from (f"    {line}" for line in text.splitlines())
    if len(machines) > MOST_MACHINES:
        yield f"(and {len(machines) - MOST_MACHINES} more machines)"


def _command_to_go_on() -> str:
    if in_nix_sandbox():
        return "build driverInteractive of this test, and run result/bin/nixos-test-driver"
    words = engine.options().command_line
    return shlex.join([words[0], "--interactive", *words[1:]])
