"""Copies of files and trees between the host and a machine.

Two ways lead into a guest: the directory that it shares with the host, if it is mounted there, and
the root shell, which is always there. What is not complete has a name of its own, beside the target
and hidden, and is renamed at the end.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import secrets
import shlex
import shutil
import stat
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.machine import trees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_driver.machine.base import BaseMachine

GUEST_SHARED = "/tmp/shared"

# What is prepared in the guest before a copy: the target as an absolute path (in a directory that
# is there already, as `cp` does it), its parents, a directory for what is not complete.
PREPARE = """
case $target in /*) ;; *) target=$PWD/$target ;; esac
mkdir -p -- "${target%/*}/"
[ ! -d "$target" ] || target=${target%/}/$name
if [ -L "$target" ]; then target=$(readlink -f -- "$target" && echo x); target=${target%?x}; fi
work=${target%/*}/.ntd-$token
mkdir -m 700 -- "$work"
[ -d "$shared" ] && way=shared || way=shell
printf '%s\\0' "$way" "$work" "$target"
"""

PUT_IN_PLACE = """
chmod "$mode" "$work/new"
if [ -d "$work/new" ] && [ -d "$target" ]; then cp -a "$work/new/." "$target/"
elif [ -d "$target" ]; then echo "$target is a directory"; exit 1
else mv -f -- "$work/new" "$target"; fi
rm -rf -- "$work"
"""

NEED_TAR = """command -v tar >/dev/null || { echo "there is no 'tar' in the guest's PATH"; exit 1; }
"""

MAKE_ABSOLUTE = """
case $source in /*) ;; *) source=$PWD/$source ;; esac
"""

# A file whose blocks are fewer than its size needs has holes, and only GNU tar knows where.
LOOK_AT = """
[ -e "$source" ] || { echo "there is no such file (or it is a link to nowhere)"; exit 1; }
[ -d "$shared" ] && way=shared || way=shell
[ -d "$source" ] && kind=tree || kind=file
case $(tar --version 2>&1) in *GNU*) tar=gnu ;; *) tar=other ;; esac
set -- $(stat -L -c '%a %s %b' -- "$source")
[ $kind-$tar != file-gnu ] || [ "$2" -le $(($3 * 512 + 1048576)) ] || kind=sparse
if [ $kind = tree ] && [ $way = shell ]; then @NEED_TAR@ fi
printf '%s ' "$way" $kind $tar "$1"
""".replace("@NEED_TAR@", NEED_TAR)

# GNU tar's status 1 is "a file changed while it was read": logs do.
PACK = {
    "gnu": 'tar -c -S --warning=no-file-changed -f - -C "$parent" -- "$part" || [ $? = 1 ]',
    "other": 'tar -c -f - -C "$parent" -- "$part"',
}

COPY_TO_SHARED = """
new=${target%/*}/.ntd-$token
trap 'rm -rf -- "$new"' EXIT
mkdir -p -- "${target%/*}"
keep=; case $(cp --help 2>&1) in *--preserve*) keep=--preserve=mode,timestamps ;; esac
(umask 0; cp -R -H $keep -- "$source" "$new")
rm -rf -- "$target"
mv -- "$new" "$target"
"""


def copy_to_guest(
    machine: BaseMachine, source: str | Path, target: str | Path, may_share: bool = True
) -> None:
    """See BaseMachine.copy_from_host()."""
    path = Path(source).resolve()
    if not path.exists():
        raise FileNotFoundError(
            f"there is no '{source}' (that is '{path}') on the host, to be copied to '{target}' "
            f"in machine '{machine.name}'"
        )
    what = f"copying '{source}' from the host to '{target}'"
    with machine.nested(what), _shared_directory(machine, may_share) as shared:
        task = Task(machine, what)
        variables = {"name": Path(source).name or path.name, "token": _token()}
        answer = task.ask(
            f"target={guest_word(PurePosixPath(target))}\n"
            + assignments(**variables, shared=_in_guest(shared))
            + PREPARE
        )
        way, work, final = answer.split("\0")[:3]
        try:
            if shared and way == "shared":
                _carry(SharedCarrier(task, shared), path, f"{work}/new")
            else:
                _carry(ShellCarrier(task), path, f"{work}/new")
            mode = f"{stat.S_IMODE(path.stat().st_mode):o}"
            task.run(assignments(mode=mode, work=work, target=final) + PUT_IN_PLACE)
        except BaseException as error:
            task.discard(work, error)
            raise


def copy_to_host(machine: BaseMachine, source: str | Path, target_dir: str | Path = "") -> None:
    """See BaseMachine.copy_from_machine()."""
    name = posixpath.basename(posixpath.normpath(f"/{source}")) or "root"
    final = Path(machine.out_dir, target_dir, name)
    what = f"copying '{source}' from machine '{machine.name}' to '{final}'"
    with machine.nested(what), _shared_directory(machine, True) as shared:
        task = Task(machine, what)
        origin = f"source={guest_word(PurePosixPath(source))}\n" + MAKE_ABSOLUTE
        answer = task.ask(origin + assignments(shared=_in_guest(shared)) + LOOK_AT)
        way, kind, tar, mode = answer.split()
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=final.parent, prefix=".ntd-") as directory:
            new = Path(directory, "new")
            if way == "shared":
                _fetch_shared(task, origin, str(source), new)
            elif kind == "file":
                _fetch_file(task, origin, new, int(mode, 8))
            else:
                _fetch_tree(task, origin, kind, tar, new)
            trees.put_in_place(new, final)


class Task:
    """One copy: runs its commands, and says what it was about when one fails."""

    def __init__(self, machine: BaseMachine, what: str) -> None:
        self.machine = machine
        self.what = what

    def ask(self, command: str) -> str:
        """The first command, which starts the machine if need be; its output, in which names may
        have any bytes."""
        self.machine.run_callbacks()
        with open(os.memfd_create("answer"), "w+b") as answer:
            text = os.fsencode(f"exec 2>&1\n{command}")
            status, _ = self.machine._transfer(text, None, answer.fileno())
            answer.seek(0)
            return self._checked(status, os.fsdecode(answer.read()))

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

    def discard(self, path: str, error: BaseException) -> None:
        """Remove what a failed copy has left in the guest, if the guest still answers."""
        if self.machine.is_up() and not isinstance(error, MachineError):
            with contextlib.suppress(Exception):
                self.run(f"rm -rf -- {shlex.quote(path)}")

    def _checked(self, status: int, output: str) -> str:
        if status != 0:
            reason = output.strip() or "it said nothing"
            raise RequestedAssertionFailed(f"{self.what} failed (exit code {status}): {reason}")
        return output


class ShellCarrier:
    """Brings bytes into the guest through its root shell.

    Each step is a command of its own: Ctrl-C has to wait for the end of a step.
    """

    def __init__(self, task: Task) -> None:
        self.task = task

    def feed(self, command: str, data: bytes) -> None:
        """Run a command with ``data`` as its standard input."""
        self.task.run(command, data)

    def put(self, path: Path, target: str) -> None:
        """Make a file of the guest from one of the host."""
        name = shlex.quote(target)
        with path.open("rb") as file:
            end = 0
            for offset, data in trees.blocks(file):
                if offset > end:
                    self.task.run(f"truncate -s {offset} {name}")
                self.task.store(target, data)
                end = offset + len(data)
            size = trees.size_of(file)
            if size > end or size == 0:
                self.task.run(f"truncate -s {size} {name}")


class SharedCarrier:
    """Brings bytes into the guest through the shared directory."""

    def __init__(self, task: Task, directory: Path) -> None:
        self.task = task
        self.directory = directory
        self.count = 0

    def feed(self, command: str, data: bytes) -> None:
        """Run a command with ``data`` as its standard input."""
        step = self._next()
        step.write_bytes(data)
        self.task.run(f"exec <{self._name(step)}\n{command}")
        step.unlink()

    def put(self, path: Path, target: str) -> None:
        """Make a file of the guest from one of the host."""
        step = self._next()
        trees.link_or_copy(path, step)
        self.task.run(f"cp -- {self._name(step)} {shlex.quote(target)}")
        step.unlink()

    # Names are used once: a guest may cache what it knows of a file.
    def _next(self) -> Path:
        self.count += 1
        return self.directory / f"{self.count}"

    def _name(self, step: Path) -> str:
        return shlex.quote(f"{_in_guest(self.directory)}/{step.name}")


def _carry(carrier: ShellCarrier | SharedCarrier, path: Path, target: str) -> None:
    """Make a file or tree in the guest; modes within a tree are kept."""
    if not path.is_dir():
        carrier.put(path, target)
        return
    name = shlex.quote(target)
    carrier.task.run(f"{NEED_TAR}mkdir {name}")
    large: list[str] = []
    for archive in trees.archives(path, large):
        carrier.feed(f"tar -x -p -m -f - -C {name}", archive)
    for part in large:
        carrier.put(path / part, f"{target}/{part}")
        mode = stat.S_IMODE((path / part).stat().st_mode)
        carrier.task.run(f"chmod {mode:o} {shlex.quote(f'{target}/{part}')}")


def _fetch_shared(task: Task, origin: str, source: str, new: Path) -> None:
    """Through a copy in the shared directory, which stays there: a failed build may have kept
    nothing else. Its path tells where it comes from."""
    place = f"from-{task.machine.name}{posixpath.normpath(f'/{source}')}"
    names = assignments(target=f"{GUEST_SHARED}/{place}", token=_token())
    task.run(origin + names + COPY_TO_SHARED)
    trees.copy(Path(task.machine.shared_dir, place), new)


def _fetch_file(task: Task, origin: str, new: Path, mode: int) -> None:
    with new.open("xb") as file:
        new.chmod(0o600)
        task.read(f'{origin}exec dd if="$source" bs=1M status=none', file.fileno())
    new.chmod(mode)


def _fetch_tree(task: Task, origin: str, kind: str, tar: str, new: Path) -> None:
    if kind == "tree":
        names = "parent=$source part=.\n"
    else:
        names = 'parent=$(dirname -- "$source"; echo x) part=./${source##*/}\nparent=${parent%?x}\n'
    new.mkdir()
    _read_with(task, origin + names + PACK[tar], lambda file: trees.unpack(file, new))
    if kind == "sparse":
        (only,) = new.iterdir()
        only.rename(new.with_name("file"))
        new.rmdir()
        new.with_name("file").rename(new)


def _read_with(task: Task, command: str, read: Callable[[BinaryIO], None]) -> None:
    """Run a command while ``read``, in another thread, reads its output."""
    from concurrent.futures import ThreadPoolExecutor

    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read, os.fdopen(ours, "rb"))
        try:
            task.read(command, theirs)
        except BrokenPipeError as error:
            if isinstance(error, MachineError):
                raise
        finally:
            os.close(theirs)
        reader.result()


@contextlib.contextmanager
def _shared_directory(machine: BaseMachine, wanted: bool) -> Iterator[Path | None]:
    """A new directory on the host that the guest can see, if it has the shared directory mounted;
    None if there can be none."""
    try:
        made = tempfile.mkdtemp(prefix="copy-", dir=machine.shared_dir) if wanted else None
    except OSError:
        made = None
    try:
        yield Path(made) if made else None
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)


def _in_guest(shared: Path | None) -> str:
    return f"{GUEST_SHARED}/{shared.name}" if shared else ""


def _token() -> str:
    return secrets.token_hex(8)


def assignments(**variables: str) -> str:
    """Lines that set shell variables."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def guest_word(path: PurePosixPath) -> str:
    """A path as a word for the shell, with the home directory's ``~`` (or ``~user``) in force."""
    home, slash, rest = str(path).partition("/")
    if not re.fullmatch(r"~[A-Za-z0-9_.-]*", home):
        return shlex.quote(str(path))
    return home + slash + (shlex.quote(rest) if rest else "")
