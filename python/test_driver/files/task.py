"""The parts that copies in both directions share: guest commands and error messages.

Data goes through the directory that host and guest share, if the guest has mounted it, else through
the root shell. An incomplete copy has a hidden temporary name beside the target; it is renamed at
the end.
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

# Limit in bytes for the guest's answer before a copy: paths and a few words.
LONGEST_ANSWER = 64 << 10

NEED_TAR = """command -v tar >/dev/null || { echo "there is no 'tar' in the guest's PATH"; exit 1; }
"""

DISCARD = """
rm -rf -- "$work"
parent=${work%/*}
while [ "$parent" != "$there" ] && rmdir -- "$parent"; do parent=${parent%/*}; done
"""


class Machine(Protocol):
    """The methods of BaseMachine that copies need."""

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
    """One copy: runs its commands in the guest. Errors name the copy (``what``)."""

    def __init__(self, machine: Machine, what: str, keep_set_id: bool = False) -> None:
        self.machine = machine
        self.what = what
        self.keep_set_id = keep_set_id

    def ask(self, command: str, form: str) -> Sequence[str]:
        """Run the first command of the copy; starts the machine if necessary.

        Returns the groups of the regular expression ``form``, which has to match the whole output.
        Raises MachineError if it does not. The output may contain any bytes.
        """
        self.machine.run_callbacks()
        text = os.fsencode(f"exec 2>&1\n{command}")
        with _answer() as answer:
            try:
                status, _ = self.machine._transfer(text, None, answer.fileno())
            except PermissionError:  # the answer is longer than LONGEST_ANSWER
                status = 0
            output = os.fsdecode(os.pread(answer.fileno(), answer.seek(0, os.SEEK_CUR), 0))
        self._checked(status, output)
        found = re.fullmatch(form, output, re.DOTALL)
        if not found:
            raise MachineError(
                f"machine '{self.machine.name}': {self.what}: unexpected answer from the guest: "
                f"{output[:200]!r}"
            )
        return found.groups()

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Turn Refused into a MachineError that names this copy."""
        try:
            yield
        except Refused as error:
            raise MachineError(f"{self.what} was refused: {error}") from None

    def mode_of(self, path: Path) -> str:
        """The permissions that a copy of this host file gets, as an octal number."""
        return f"{permissions(path.stat().st_mode, self.keep_set_id):o}"

    def run(self, command: str, data: bytes | None = None) -> None:
        """Run a command in the guest with ``data`` as its standard input."""
        text = os.fsencode(f"exec 2>&1\n{command}")
        self._checked(*self.machine._transfer(text, data))

    def read(self, command: str, output: int) -> None:
        """Run a command in the guest; write its output to the file descriptor ``output``."""
        status, _ = self.machine._transfer(os.fsencode(command), None, output)
        self._checked(status, "see the console log for the reason")

    def store(self, file: str, data: bytes) -> None:
        """Append ``data`` to a file in the guest."""
        self._checked(*self.machine._store(os.fsencode(file), data))

    def discard(self, work: str, there: str, error: BaseException) -> None:
        """Remove what a failed copy has left in the guest, if the guest still answers.

        This is the directory ``work``, and its parents below ``there`` if they are empty. After
        Ctrl-C the limit is short: the guest may be stuck.
        """
        limit = Seconds(2 if isinstance(error, KeyboardInterrupt) else 60)
        if self.machine.is_up() and not isinstance(error, MachineError):
            with contextlib.suppress(Exception):
                self.machine.execute(assignments(work=work, there=there) + DISCARD, timeout=limit)

    def _checked(self, status: int, output: str) -> str:
        if status != 0:
            reason = output.strip() or "no output"
            raise RequestedAssertionFailed(f"{self.what} failed (exit code {status}): {reason}")
        return output


@contextlib.contextmanager
def shared_directory(machine: Machine, wanted: bool) -> Iterator[Directory | None]:
    """Create a directory for this copy in the machine's shared directory, and remove it at the end.

    None if it is not ``wanted`` or cannot be created. The guest sees it only if it has mounted the
    shared directory.
    """
    with contextlib.ExitStack() as stack:
        made = None
        with contextlib.suppress(OSError):
            if wanted:
                top = stack.enter_context(Directory.at(machine.shared_dir))
                made = stack.enter_context(new_directory(top, "copy-"))
        yield made


def in_guest(shared: Directory | None) -> str:
    """The guest's path of a directory made by shared_directory(); empty for None."""
    return shared_path(posixpath.basename(shared.shown)) if shared else ""


def shared_path(place: str) -> str:
    """The guest's path of ``place`` in the shared directory."""
    return GUEST_SHARED + posixpath.normpath(f"/{place}")


def _answer() -> BinaryIO:
    """A file in memory that cannot grow beyond LONGEST_ANSWER bytes."""
    file = os.fdopen(os.memfd_create("answer", os.MFD_ALLOW_SEALING), "w+b", buffering=0)
    file.truncate(LONGEST_ANSWER)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
    return file


def new_token() -> str:
    """A random name."""
    return os.urandom(8).hex()


def assignments(**variables: str) -> str:
    """Lines that set shell variables."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def guest_word(path: PurePosixPath) -> str:
    """Quote a path for the shell, but leave a leading ``~`` or ``~user`` to be expanded."""
    home, slash, rest = str(path).partition("/")
    if not re.fullmatch(r"~[A-Za-z0-9_.-]*", home):
        return shlex.quote(str(path))
    return home + slash + (shlex.quote(rest) if rest else "")
