"""Copies of files and trees between the host and a machine.

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
import stat
from pathlib import Path, PurePosixPath
from shutil import SpecialFileError
from typing import TYPE_CHECKING, BinaryIO

from test_driver.duration import Seconds
from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.files import trees
from test_driver.files.beneath import (
    Directory,
    Refused,
    kind,
    new_directory,
    permissions,
    write_at,
)
from test_driver.files.unpack import unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from test_driver.machine.base import BaseMachine

GUEST_SHARED = "/tmp/shared"

# For what a guest says before a copy: two paths and some words.
LONGEST_ANSWER = 64 << 10

# How long the host may read from the shared directory, in seconds: a guest can write there on and on.
SHARED_LIMIT = 3600.0

# What is prepared in the guest before a copy: the target as an absolute path (in a directory that
# is there already, as `cp` does it), its parents below `there`, and a directory for what is not
# complete.
PREPARE = """
case $target in /*) ;; *) target=$PWD/$target ;; esac
there=${target%/*}; while [ ! -e "$there/" ]; do there=${there%/*}; done
mkdir -p -- "${target%/*}/"
[ ! -d "$target" ] || { target=${target%/}/$name; there=${target%/*}; }
if [ -L "$target" ]; then
    target=$(readlink -f -- "$target" && echo x); target=${target%?x}; there=${target%/*}
fi
work=${target%/*}/.ntd-$token
mkdir -m 700 -- "$work"
[ -d "$shared" ] && way=shared || way=shell
printf '%s\\0' "$way" "$there" "$work" "$target"
"""

PUT_IN_PLACE = """
chmod "$mode" "$work/new"
if [ -d "$work/new" ] && [ -d "$target" ]; then cp -a "$work/new/." "$target/"
elif [ -d "$target" ]; then echo "$target is a directory"; exit 1
else mv -f -- "$work/new" "$target"; fi
rm -rf -- "$work"
"""

DISCARD = """
rm -rf -- "$work"
parent=${work%/*}
while [ "$parent" != "$there" ] && rmdir -- "$parent"; do parent=${parent%/*}; done
"""

NEED_TAR = """command -v tar >/dev/null || { echo "there is no 'tar' in the guest's PATH"; exit 1; }
"""

MAKE_ABSOLUTE = """
case $source in /*) ;; *) source=$PWD/$source ;; esac
"""

# A file whose blocks are fewer than its size needs has holes, and only GNU tar knows where.
LOOK_AT = """
[ -e "$source" ] || { echo "there is no such file (or it is a link to nowhere)"; exit 1; }
[ -d "$source" ] && kind=tree || kind=file
[ $kind = tree ] || [ -f "$source" ] || {
    echo "it is not a file, but a FIFO, a socket or a device"; exit 1
}
[ -d "$shared" ] && way=shared || way=shell
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
keep=; case $(cp --help 2>&1) in *--preserve*) keep=--preserve=mode,timestamps ;; esac
(umask 0; cp -R -H $keep -- "$source" "$new")
"""

# The copy on the host is complete: what is in the way here, perhaps the host's, is no error.
KEEP_IN_SHARED = """
if [ "$source" -ef "$target" ] || ! mkdir -p -- "${target%/*}"; then :
elif [ -d "$new" ] && [ -d "$target" ]; then cp -a -- "$new/." "$target/" || :
elif [ ! -d "$target" ]; then mv -f -- "$new" "$target" || :
fi
rm -rf -- "$new"
"""


def copy_to_guest(
    machine: BaseMachine,
    source: str | Path,
    target: str | Path,
    *,
    may_share: bool = True,
    keep_set_id: bool = False,
) -> None:
    """See BaseMachine.copy_from_host()."""
    path = Path(os.path.realpath(source))
    what = f"copying '{source}' from the host to '{target}'"
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        resolved = f" (that is '{path}')" if str(path) != str(source) else ""
        raise FileNotFoundError(
            f"there is no '{source}'{resolved} on the host, to be copied to '{target}' "
            f"in machine '{machine.name}'"
        ) from None
    except OSError as error:  # a loop of links, say
        raise OSError(error.errno, f"{what}: {error.strerror}", str(path)) from None
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise SpecialFileError(f"{what}: it is not a file, but {kind(mode)}")
    with machine.nested(what), _shared_directory(machine, may_share) as shared:
        task = Task(machine, what, keep_set_id)
        variables = {"name": Path(source).name or path.name, "token": _token()}
        way, there, work, final = task.ask(
            f"target={guest_word(PurePosixPath(target))}\n"
            + assignments(**variables, shared=_in_guest(shared))
            + PREPARE,
            "(shared|shell)\0(.*)\0(.+)\0(.+)\0",
        )
        try:
            with task.refusing():
                if shared and way == "shared":
                    _carry(SharedCarrier(task, shared), path, f"{work}/new")
                else:
                    _carry(ShellCarrier(task), path, f"{work}/new")
            names = assignments(mode=task.mode_of(path), work=work, target=final)
            task.run(names + PUT_IN_PLACE)
        except BaseException as error:
            task.discard(work, there, error)
            raise


def copy_to_host(
    machine: BaseMachine,
    source: str | Path,
    target_dir: str | Path = "",
    *,
    keep_set_id: bool = False,
) -> None:
    """See BaseMachine.copy_from_machine()."""
    name = posixpath.basename(posixpath.normpath(f"/{source}")) or "root"
    final = Path(machine.out_dir, target_dir, name)
    what = f"copying '{source}' from machine '{machine.name}' to '{final}'"
    with machine.nested(what), _shared_directory(machine, True) as shared:
        task = Task(machine, what, keep_set_id)
        origin = f"source={guest_word(PurePosixPath(source))}\n" + MAKE_ABSOLUTE
        way, kind, tar, mode = task.ask(
            origin + assignments(shared=_in_guest(shared)) + LOOK_AT,
            "(shared|shell) (tree|file|sparse) (gnu|other) ([0-7]{1,5}) ",
        )
        with (
            task.refusing(),
            _way_to_output(Path(machine.out_dir), Path(target_dir)) as (place, to_be_made),
            new_directory(place, ".ntd-") as work,
        ):
            if shared and way == "shared":
                _fetch_shared(task, origin, f"{target_dir}/{name}", shared, work)
            elif kind == "file":
                _fetch_file(task, origin, work, int(mode, 8))
            else:
                _fetch_tree(task, origin, kind, tar, work)
            with place.walk(to_be_made, make=True) as output:
                work.place("new", output, name)


@contextlib.contextmanager
def _way_to_output(out_dir: Path, target_dir: Path) -> Iterator[tuple[Directory, Sequence[str]]]:
    """The last directory on the way that is there, and the names of those that are to be made below
    it: of a copy that fails none is left.

    What is below the output directory may come from a guest: no link leads out of it, by whatever
    name the script knows it."""
    path = Path(os.path.abspath(out_dir / target_dir))
    tops = Path(os.path.abspath(out_dir)), Path(os.path.realpath(out_dir))
    top = next((top for top in tops if path.is_relative_to(top)), None)
    if top is None:
        top = next(top for top in (path, *path.parents) if top.exists())
    top.mkdir(parents=True, exist_ok=True)
    with Directory.at(top) as directory:
        place, to_be_made = directory.walk_to_end(path.relative_to(top).parts)
        with place:
            yield place, to_be_made


class Task:
    """One copy: runs its commands, and says what it was about when one fails."""

    def __init__(self, machine: BaseMachine, what: str, keep_set_id: bool = False) -> None:
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
                if offset > end or not data:
                    self.task.run(f"truncate -s {offset} {name}")
                if data:
                    self.task.store(target, data)
                end = offset + len(data)


class SharedCarrier:
    """Brings bytes into the guest through the shared directory."""

    def __init__(self, task: Task, directory: Directory) -> None:
        self.task = task
        self.directory = directory

    def feed(self, command: str, data: bytes) -> None:
        """Run a command with ``data`` as its standard input."""
        with self._step() as (step, name):
            write_at(step.fileno(), data, 0)
            self.task.run(f"exec <{name}\n{command}")

    def put(self, path: Path, target: str) -> None:
        """Make a file of the guest from one of the host."""
        with self._step() as (step, name):
            # Not a link to the file: the guest could write to that.
            with path.open("rb", buffering=0) as file:
                trees.copy_data(file, step)
            self.task.run(f"cp -- {name} {shlex.quote(target)}")

    @contextlib.contextmanager
    def _step(self) -> Iterator[tuple[BinaryIO, str]]:
        """A new file and its name in the guest, as a word for the shell."""
        token = _token()
        with self.directory.create(token) as step:
            yield step, shlex.quote(f"{_in_guest(self.directory)}/{token}")
        self.directory.remove(token)


def _carry(carrier: ShellCarrier | SharedCarrier, path: Path, target: str) -> None:
    """Make a file or tree in the guest; modes within a tree are kept."""
    if not path.is_dir():
        carrier.put(path, target)
        return
    name = shlex.quote(target)
    carrier.task.run(f"{NEED_TAR}mkdir {name}")
    large: list[str] = []
    for archive in trees.archives(path, large, carrier.task.keep_set_id):
        carrier.feed(f"tar -x -p -m -f - -C {name}", archive)
    for part in large:
        carrier.put(path / part, f"{target}/{part}")
        mode = carrier.task.mode_of(path / part)
        carrier.task.run(f"chmod {mode} {shlex.quote(f'{target}/{part}')}")


def _fetch_shared(
    task: Task, origin: str, place: str, shared: Directory, work: Directory
) -> None:
    """Through a copy in the shared directory, which stays there: a failed build may have kept
    nothing else, and scripts look for it."""
    token = _token()
    new = f"{_in_guest(shared)}/{token}"
    task.run(origin + assignments(new=new) + COPY_TO_SHARED)
    limits = trees.CopyLimits(SHARED_LIMIT, task.keep_set_id)
    trees.copy(shared, token, work, "new", limits)
    target = GUEST_SHARED + posixpath.normpath(f"/{place}")
    task.run(origin + assignments(new=new, target=target) + KEEP_IN_SHARED)


def _fetch_file(task: Task, origin: str, work: Directory, mode: int) -> None:
    with work.create("new") as file:
        task.read(f'{origin}exec dd if="$source" bs=1M status=none', file.fileno())
        os.fchmod(file.fileno(), permissions(mode, task.keep_set_id))


def _fetch_tree(task: Task, origin: str, kind: str, tar: str, work: Directory) -> None:
    if kind == "tree":
        names = "parent=$source part=.\n"
    else:
        names = 'parent=$(dirname -- "$source"; echo x) part=./${source##*/}\nparent=${parent%?x}\n'
    made = "new" if kind == "tree" else "archive"
    with work.enter(made, make=True) as new:
        _read_with(
            task, origin + names + PACK[tar], lambda file: unpack(file, new, task.keep_set_id)
        )
        if kind == "sparse":
            (only,) = new.names()
            new.place(only, work, "new")


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
def _shared_directory(machine: BaseMachine, wanted: bool) -> Iterator[Directory | None]:
    """A new directory on the host that the guest can see, if it has the shared directory mounted;
    None if there can be none."""
    with contextlib.ExitStack() as stack:
        made = None
        with contextlib.suppress(OSError):
            if wanted:
                top = stack.enter_context(Directory.at(machine.shared_dir))
                made = stack.enter_context(new_directory(top, "copy-"))
        yield made


def _in_guest(shared: Directory | None) -> str:
    return f"{GUEST_SHARED}/{posixpath.basename(shared.shown)}" if shared else ""


def _answer() -> BinaryIO:
    """A file in memory that takes no more than LONGEST_ANSWER bytes."""
    file = os.fdopen(os.memfd_create("answer", os.MFD_ALLOW_SEALING), "w+b", buffering=0)
    file.truncate(LONGEST_ANSWER)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
    return file


def _token() -> str:
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
