"""Record a session: what was typed, and the screen after each step."""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import re
import time
from pathlib import Path

import pytest

from harness import Workspace
from terminal import Terminal, without_what_varies

EXPECTED = Path(__file__).resolve().parent / "expected"
PACKAGES = ("ptpython", "ipython", "prompt_toolkit")  # their versions change the screens
NOTHING = "(?!)"  # matches no line
# Lines that depend on timing: the echo of a control character, a shell without job control.
NOT_ALWAYS = (
    r"^\^$|^bash: (cannot set terminal process group|no job control)|^\[1\]\+? +Terminated "
)
PROMPT = r"\nIn \[\d+\]:\Z"  # an empty prompt as the last line
ANSWER = r"Out\[\d+\]: (.|\n)*" + PROMPT


class Recording:
    """Performs the steps of a session on a terminal, and records the screens."""

    def __init__(self, name: str, terminal: Terminal, workspace: Workspace, patience: float) -> None:
        self._file = EXPECTED / f"{name}.txt"
        self._terminal = terminal
        self._workspace = workspace
        self._patience = patience
        self._text = [f"Recorded with {versions()}.", ""]

    def step(
        self,
        title: str,
        *keys: str,
        until: str = PROMPT,
        clear: bool = True,
        leave_out: str = NOTHING,
        squeeze: str = NOTHING,
        name: str = "main",
    ) -> None:
        """Type, wait until the pattern ``until`` is on the screen, and record the screen.

        The screen is cleared first. Lines that match ``leave_out`` are not recorded. Of consecutive
        lines that match ``squeeze``, only the first one is recorded: their number varies.
        """
        if clear:
            self._terminal.type("C-l", to=name)
            self._terminal.wait_for(r"\A[^\n]*\Z", self._patience, name)
        self._terminal.type(*keys, to=name)
        screen = self._terminal.wait_for(until, self._patience, name)
        kept: list[str] = []
        for line in without_what_varies(screen, self._workspace):
            again = bool(kept) and re.search(squeeze, line) and re.search(squeeze, kept[-1])
            if not again and not re.search(f"{leave_out}|{NOT_ALWAYS}", line):
                kept.append(line)
        typed = [f"typed: {' '.join(keys)}"] if keys else []
        self._text += [f"=== {title}", *typed, *(f"| {line}" for line in kept), ""]

    def interrupt(self, what: str, call: str, until: str, pause: float = 0.0) -> None:
        """Type a call, wait for the pattern ``until`` and ``pause`` seconds, and press Ctrl-C."""
        self.step(f"Ctrl-C ends {what} ...", call, "Enter", until=until)
        time.sleep(pause)
        self.step("... and nothing else", "C-c", clear=False)

    def must_be_as_expected(self) -> None:
        """Compare with the earlier recording; with NTD_ACCEPT=1, replace that."""
        text = "\n".join(self._text)
        if os.environ.get("NTD_ACCEPT"):
            self._file.write_text(text)
        expected = self._file.read_text()
        if expected.split("\n")[0] != self._text[0]:
            pytest.skip(f"all steps done, not compared: {expected.splitlines()[0]} Here: {versions()}")
        difference = difflib.unified_diff(
            expected.splitlines(), text.splitlines(), "expected", "seen", lineterm=""
        )
        assert text == expected, "\n".join(difference)


def versions() -> str:
    def version_of(package: str) -> str:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return "none"

    return ", ".join(f"{package} {version_of(package)}" for package in PACKAGES)
