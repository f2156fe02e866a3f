"""Copy files and trees from the host into a machine."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from pathlib import Path, PurePosixPath
from shutil import SpecialFileError
from typing import TYPE_CHECKING, BinaryIO

from test_driver.files import trees
from test_driver.files.beneath import Directory, kind, write_at
from test_driver.files.task import (
    NEED_TAR,
    Machine,
    Task,
    assignments,
    guest_word,
    in_guest,
    new_token,
    shared_directory,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Prepare a copy in the guest: make `target` absolute (inside of it if it is a directory, as `cp`
# does), create its missing parents (`there` is the last existing one), and create `work` for
# incomplete files.
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


def copy_to_guest(
    machine: Machine,
    source: str | Path,
    target: str | Path,
    *,
    may_share: bool = True,
    keep_set_id: bool = False,
) -> None:
    """See BaseMachine.copy_from_host()."""
    path = Path(os.path.realpath(source))
    what = f"copying '{source}' from the host to '{target}'"
    _check_source(path, source, what, f"to be copied to '{target}' in machine '{machine.name}'")
    with machine.nested(what), shared_directory(machine, may_share) as shared:
        task = Task(machine, what, keep_set_id)
        variables = {"name": Path(source).name or path.name, "token": new_token()}
        way, there, work, final = task.ask(
            f"target={guest_word(PurePosixPath(target))}\n"
            + assignments(**variables, shared=in_guest(shared))
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


def _check_source(path: Path, source: str | Path, what: str, purpose: str) -> None:
    """Raise an OSError unless ``path``, which is ``source`` without links, can be copied."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        resolved = f" (that is '{path}')" if str(path) != str(source) else ""
        raise FileNotFoundError(
            f"there is no '{source}'{resolved} on the host, {purpose}"
        ) from None
    except OSError as error:  # a loop of links, say
        raise OSError(error.errno, f"{what}: {error.strerror}", str(path)) from None
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise SpecialFileError(f"{what}: it is not a file, but {kind(mode)}")


class ShellCarrier:
    """Transfers data into the guest through its root shell.

    Each piece is a command of its own, because Ctrl-C takes effect only between pieces.
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
    """Transfers data into the guest through the shared directory."""

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
            # Copied, not hard-linked: the guest could write to the original through a link.
            with path.open("rb", buffering=0) as file:
                trees.copy_data(file, step)
            self.task.run(f"cp -- {name} {shlex.quote(target)}")

    @contextlib.contextmanager
    def _step(self) -> Iterator[tuple[BinaryIO, str]]:
        """Create a file in the shared directory; yield it and its quoted path in the guest."""
        token = new_token()
        with self.directory.create(token) as step:
            yield step, shlex.quote(f"{in_guest(self.directory)}/{token}")
        self.directory.remove(token)


def _carry(carrier: ShellCarrier | SharedCarrier, path: Path, target: str) -> None:
    """Transfer a file or tree. The modes of files in a tree are kept."""
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
