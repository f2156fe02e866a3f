"""Copy files and trees from a machine to the host."""

from __future__ import annotations

import contextlib
import os
import posixpath
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from test_driver.errors import MachineError
from test_driver.files import trees
from test_driver.files.beneath import Directory, new_directory, permissions
from test_driver.files.task import (
    NEED_TAR,
    Machine,
    Task,
    assignments,
    guest_word,
    in_guest,
    new_token,
    shared_directory,
    shared_path,
)
from test_driver.files.unpack import unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Seconds that a copy from the shared directory may take: a guest could write to it without end.
SHARED_LIMIT = 3600.0

MAKE_ABSOLUTE = """
case $source in /*) ;; *) source=$PWD/$source ;; esac
"""

# A file with fewer blocks than its size needs has holes. Only GNU tar can transfer those.
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

# GNU tar exits with 1 if a file changed while it was read, which is normal for logs.
PACK = {
    "gnu": 'tar -c -S --warning=no-file-changed -f - -C "$parent" -- "$part" || [ $? = 1 ]',
    "other": 'tar -c -f - -C "$parent" -- "$part"',
}

# No --preserve=mode: with umask 0 the modes are kept anyway, and cp would also try to copy access
# control lists, which 9p does not store, and fail.
COPY_TO_SHARED = """
keep=; case $(cp --help 2>&1) in *--preserve*) keep=--preserve=timestamps ;; esac
(umask 0; cp -R -H $keep -- "$source" "$new")
"""

# cp without --preserve=mode drops the set-ID bits.
KEEP_SET_ID = """
export new
if [ -d "$source" ]; then
    cd -- "$source"
    find . -perm /6000 ! -type l -exec sh -c 'for f; do
        chmod -- "$(stat -c %a -- "$f")" "$new/$f"
    done' sh {} +
else
    chmod -- "$(stat -L -c %a -- "$source")" "$new"
fi
"""

# Failures are ignored: the copy on the host is complete already.
KEEP_IN_SHARED = """
if [ "$source" -ef "$target" ] || ! mkdir -p -- "${target%/*}"; then :
elif [ -d "$new" ] && [ -d "$target" ]; then cp -a -- "$new/." "$target/" || :
elif [ ! -d "$target" ]; then mv -f -- "$new" "$target" || :
fi
rm -rf -- "$new"
"""


def copy_to_host(
    machine: Machine,
    source: str | Path,
    target_dir: str | Path = "",
    *,
    keep_set_id: bool = False,
) -> None:
    """See BaseMachine.copy_from_machine()."""
    name = posixpath.basename(posixpath.normpath(f"/{source}")) or "root"
    final = Path(machine.out_dir, target_dir, name)
    what = f"copying '{source}' from machine '{machine.name}' to '{final}'"
    with machine.nested(what), shared_directory(machine, True) as shared:
        task = Task(machine, what, keep_set_id)
        origin = f"source={guest_word(PurePosixPath(source))}\n" + MAKE_ABSOLUTE
        way, kind, tar, mode = task.ask(
            origin + assignments(shared=in_guest(shared)) + LOOK_AT,
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
    """Open the deepest existing directory of the target's path.

    Yields it and the names of the directories to create below it: they are created last, so that a
    failed copy leaves none. Files in the output directory may come from a guest, so symbolic links
    in there are not followed, even if the script uses another path to that directory.
    """
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


def _fetch_shared(
    task: Task, origin: str, place: str, shared: Directory, work: Directory
) -> None:
    """Copy through the shared directory, and leave the copy there.

    Scripts look for it there, and it may be all that is left of a failed build.
    """
    token = new_token()
    new = f"{in_guest(shared)}/{token}"
    keep_set_id = KEEP_SET_ID if task.keep_set_id else ""
    task.run(origin + assignments(new=new) + COPY_TO_SHARED + keep_set_id)
    limits = trees.CopyLimits(SHARED_LIMIT, task.keep_set_id)
    trees.copy(shared, token, work, "new", limits)
    target = shared_path(place)
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
    """Run a command in the guest while ``read`` consumes its output in another thread."""
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
