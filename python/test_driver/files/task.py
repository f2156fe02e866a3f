"""One copy between the host and a machine: what it runs in the guest, and what it says of failures.

Two ways lead into a guest: the directory that it shares with the host, if it is mounted there, and
the root shell, which is always there. What is not complete has a name of its own, beside the target
and hidden, and is renamed at the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import posixpath
import re
import shlex
from typing import TYPE_CHECKING, BinaryIO, Protocol

from test_driver.duration import Seconds
from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.files.beneath import Directory, Refused, new_directory, permissions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path, PurePosixPath

    from test_driver.duration import Duration

GUEST_SHARED = "/tmp/shared"

# For what a guest says before a copy: two paths and some words.
LONGEST_ANSWER = 64 << 10

NEED_TAR = """command -v tar >/dev/null || { echo "there is no 'tar' in the guest's PATH"; exit 1; }
"""

DISCARD = """
rm -rf -- "$work"
parent=${work%/*}
while [ "$parent" != "$there" ] && rmdir -- "$parent"; do parent=${parent%/*}; done
"""


class Machine(Protocol):
    """What is asked of a BaseMachine."""

    @property
    def name(self) -> str: ...
    @property
    def out_dir(self) -> Path: ...
    @property
    def shared_dir(self) -> Path: ...
    def nested(self, msg: str) -> AbstractContextManager[None]: ...
    def run_callbacks(self) -> None: ...
    def is_up(self) -> bool: ...
    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: Duration | None = ...,
    ) -> tuple[int, str]: ...
    def _transfer(
        self, command: str | bytes, input: bytes | None = None, output: int = -1
    ) -> tuple[int, str]: ...
    def _store(self, file: str | bytes, data: bytes) -> tuple[int, str]: ...


class Task:
    """One copy: runs its commands, and says what it was about when one fails."""

    def __init__(self, machine: Machine, what: str, keep_set_id: bool = False) -> None:
        self.machine = machine
        self.what = what
        self.keep_set_id = keep_set_id

    def ask(self, command: str, form: str) -> Sequence[str]:
        """The first command, which starts the machine if need be; the parts of its output, which
        has to have this form and may have names of any bytes."""
        self.machine.run_callbacks()
        text = os.fsencode(f"exec 2>&1\n{command}")
        with _answer() as answer:
            try:
                status, _ = self.machine._transfer(text, None, answer.fileno())
            except PermissionError:  # it takes no more
                status = 0
            output = os.fsdecode(os.pread(answer.fileno(), answer.seek(0, os.SEEK_CUR), 0))
        self._checked(status, output)
        found = re.fullmatch(form, output, re.DOTALL)
        if not found:
            raise MachineError(
                f"machine '{self.machine.name}': {self.what}: the guest's answer makes no sense: "
                f"{output[:200]!r}"
            )
        return found.groups()

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """What a guest may not have on the host is an error of this copy."""
        try:
            yield
        except Refused as error:
            raise MachineError(f"{self.what} was refused: {error}") from None

    def mode_of(self, path: Path) -> str:
        """The permissions that a copy of this file of the host gets."""
        return f"{permissions(path.stat().st_mode, self.keep_set_id):o}"

    def run(self, command: str, data: bytes | None = None) -> None:
        """Run a command with ``data`` as its standard input."""
        text = os.fsencode(f"exec 2>&1\n{command}")
        self._checked(*self.machine._transfer(text, data))

    def read(self, command: str, output: int) -> None:
        """Run a command whose output goes to the descriptor ``output``."""
        status, _ = self.machine._transfer(os.fsencode(command), None, output)
        self._checked(status, "what was wrong is in the console's log")

    def store(self, file: str, data: bytes) -> None:
        """Append ``data`` to a file of the guest."""
        self._checked(*self.machine._store(os.fsencode(file), data))

    def discard(self, work: str, there: str, error: BaseException) -> None:
        """Remove what a failed copy has left in the guest, with its parents below ``there``, if the
        guest still answers. Whoever has pressed Ctrl-C may have done so because it does not."""
        limit = Seconds(2 if isinstance(error, KeyboardInterrupt) else 60)
        if self.machine.is_up() and not isinstance(error, MachineError):
            with contextlib.suppress(Exception):
                self.machine.execute(assignments(work=work, there=there) + DISCARD, timeout=limit)

    def _checked(self, status: int, output: str) -> str:
        if status != 0:
            reason = output.strip() or "it said nothing"
            raise RequestedAssertionFailed(f"{self.what} failed (exit code {status}): {reason}")
        return output


@contextlib.contextmanager
def shared_directory(machine: Machine, wanted: bool) -> Iterator[Directory | None]:
    """A new directory on the host that the guest can see, if it has the shared directory mounted;
    None if there can be none."""
    with contextlib.ExitStack() as stack:
        made = None
        with contextlib.suppress(OSError):
            if wanted:
                top = stack.enter_context(Directory.at(machine.shared_dir))
                made = stack.enter_context(new_directory(top, "copy-"))
        yield made


def in_guest(shared: Directory | None) -> str:
    """Where the guest has a new directory; nothing for none."""
    return shared_path(posixpath.basename(shared.shown)) if shared else ""


def shared_path(place: str) -> str:
    """Where the guest has a place in the directory that it shares with the host."""
    return GUEST_SHARED + posixpath.normpath(f"/{place}")


def _answer() -> BinaryIO:
    """A file in memory that takes no more than LONGEST_ANSWER bytes."""
    file = os.fdopen(os.memfd_create("answer", os.MFD_ALLOW_SEALING), "w+b", buffering=0)
    file.truncate(LONGEST_ANSWER)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
    return file


def new_token() -> str:
    """A name that nobody else has."""
    return os.urandom(8).hex()


def assignments(**variables: str) -> str:
    """Lines that set shell variables."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def guest_word(path: PurePosixPath) -> str:
    """A path as a word for the shell, with the home directory's ``~`` (or ``~user``) in force."""
    home, slash, rest = str(path).partition("/")
    if not re.fullmatch(r"~[A-Za-z0-9_.-]*", home):
        return shlex.quote(str(path))
    return home + slash + (shlex.quote(rest) if rest else "")
