"""Directories of the host that a guest may have filled, held by their descriptors.

A guest may leave a link, a FIFO or a device under any name. So every step here is taken from the
descriptor of a directory, follows no link, and looks at what it has opened, not at what was there
before.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from test_driver.files.unfinished import unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Deeper trees are not walked: each level holds a descriptor.
DEEPEST = 255

# In one directory: their names are in memory.
MOST_NAMES = 1_000_000

LONGEST_REMOVAL = 3600.0  # seconds

PERMISSIONS = 0o777  # of a mode; what is beside them is for programs that the guest chose
SET_ID = stat.S_ISUID | stat.S_ISGID


class Refused(Exception):
    """Something that a guest may not have on the host. The message begins with its name."""


class Directory:
    """A directory, and what is directly in it. Names have one part."""

    def __init__(self, descriptor: int, shown: str) -> None:
        self.descriptor = descriptor
        self.shown = shown
        """Its path, for messages."""

    @classmethod
    def at(cls, path: str | Path) -> Directory:
        """By a path that no guest had a part in: links on the way are followed."""
        return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), str(path))

    def __enter__(self) -> Directory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def path_of(self, name: str) -> str:
        """For messages."""
        return os.path.join(self.shown, name)

    def status(self, name: str) -> os.stat_result | None:
        """Of the thing itself, if there is one."""
        with contextlib.suppress(FileNotFoundError):
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        return None

    def names(self) -> list[str]:
        """Of all that is there now; Refused if there are too many."""
        names = self._some_names(MOST_NAMES + 1)
        if len(names) > MOST_NAMES:
            raise Refused(f"'{self.shown}' has more than {MOST_NAMES} files")
        return names

    def _some_names(self, most: int) -> list[str]:
        with os.scandir(self.descriptor) as entries:
            return [entry.name for entry in itertools.islice(entries, most)]

    def enter(self, name: str, make: bool = False) -> Directory:
        """A directory in it; ``make`` makes one where there is nothing."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return Directory(os.open(name, flags, dir_fd=self.descriptor), self.path_of(name))
        except FileNotFoundError:
            if not make:
                raise
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise Refused(f"'{self.path_of(name)}' is {self.kind_of(name)}") from None
            raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=self.descriptor)
        return self.enter(name)

    def walk(self, parts: Iterable[str], make: bool = False) -> Directory:
        """A directory below it."""
        place = self.again()
        for part in parts:
            with place:
                place = place.enter(part, make)
        return place

    def walk_to_end(self, parts: Sequence[str]) -> tuple[Directory, Sequence[str]]:
        """The last directory on the way that is there, and the parts that are left."""
        place = self.again()
        for number, part in enumerate(parts):
            if place.status(part) is None:
                return place, parts[number:]
            with place:
                place = place.enter(part)
        return place, ()

    def again(self) -> Directory:
        """The same directory, to be closed by somebody else."""
        return Directory(os.dup(self.descriptor), self.shown)

    def create(self, name: str) -> BinaryIO:
        """A new file that only its owner can read; FileExistsError if there is anything."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(name, flags, 0o600, dir_fd=self.descriptor), "w+b", buffering=0)

    def open_file(self, name: str) -> BinaryIO:
        """A regular file to be read; nothing else is waited for."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self.descriptor)
        except OSError as error:  # of links and sockets
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise Refused(f"'{self.path_of(name)}' is {self.kind_of(name)}") from None
            raise
        file = os.fdopen(descriptor, "rb", buffering=0)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise Refused(f"'{self.path_of(name)}' is {self.kind_of(name)}")
        return file

    def kind_of(self, name: str) -> str:
        """What is there, in words."""
        status = self.status(name)
        return kind(status.st_mode) if status else "not there any more"

    def remove(self, name: str, limit: float = LONGEST_REMOVAL) -> None:
        """A file or a whole tree, if it is there; Refused for one that is deeper than any copy, or
        that is not gone after ``limit`` seconds: a guest may add to it."""
        self._remove(name, DEEPEST + 5, time.monotonic() + limit)

    def _remove(self, name: str, deepest: int, end: float) -> None:
        status = self.status(name)
        if status is None:
            return
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(name, dir_fd=self.descriptor)
            return
        with contextlib.suppress(OSError):  # an empty one takes no descriptor, which may be used up
            os.rmdir(name, dir_fd=self.descriptor)
            return
        if deepest == 0 or time.monotonic() > end:
            raise Refused(f"'{self.path_of(name)}' is too deep or too much to be removed")
        with self._opened_up(name) as directory:
            directory._empty(deepest - 1, end)
        os.rmdir(name, dir_fd=self.descriptor)

    def _empty(self, deepest: int, end: float) -> None:
        has_more = True
        while has_more:
            names = self._some_names(MOST_NAMES)
            has_more = len(names) == MOST_NAMES
            for part in names:
                self._remove(part, deepest, end)

    @contextlib.contextmanager
    def _opened_up(self, name: str) -> Iterator[Directory]:
        """A directory in which its owner may do all for the time being, as root always may."""
        status = self.status(name)
        with self._enter_by_force(name) as directory:
            mode = stat.S_IMODE(status.st_mode) if status else 0
            closed = (mode & stat.S_IRWXU) != stat.S_IRWXU
            if closed:
                directory._set_mode(mode | stat.S_IRWXU)
            try:
                yield directory
            finally:
                if closed:
                    directory._set_mode(mode)

    def _enter_by_force(self, name: str) -> Directory:
        with contextlib.suppress(PermissionError):
            return self.enter(name)
        flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=self.descriptor)
        try:
            os.chmod(f"/proc/self/fd/{descriptor}", stat.S_IRWXU)
        finally:
            os.close(descriptor)
        return self.enter(name)

    def _set_mode(self, mode: int) -> None:
        with contextlib.suppress(PermissionError):  # of somebody else's
            os.fchmod(self.descriptor, mode)

    def place(self, name: str, target: Directory, new_name: str) -> None:
        """Move something of ours there. What had the name is replaced, but for a directory: that
        takes up the parts of a new one."""
        obstacle = self._obstacle(name, target, new_name)
        if obstacle:
            raise IsADirectoryError(f"'{obstacle}' is a directory")
        self._place(name, target, new_name)

    def _obstacle(self, name: str, target: Directory, new_name: str) -> str | None:
        """The path of a directory that would have to become a file."""
        there = target.status(new_name)
        if there is None or not stat.S_ISDIR(there.st_mode):
            return None
        if not self._is_directory(name):
            return target.path_of(new_name)
        with self._opened_up(name) as new, target._opened_up(new_name) as old:
            found = (new._obstacle(part, old, part) for part in new.names())
            return next(filter(None, found), None)

    def _place(self, name: str, target: Directory, new_name: str) -> None:
        if not self._is_directory(name):
            self._rename(name, target, new_name)
            return
        there = target.status(new_name)
        if there and not stat.S_ISDIR(there.st_mode):
            os.unlink(new_name, dir_fd=target.descriptor)
            there = None
        # Who is not root cannot move a directory that he cannot write to.
        with self._opened_up(name) as new:
            if there is None:
                self._rename(name, target, new_name)
                return
            with target._opened_up(new_name) as old:
                for part in new.names():
                    new._place(part, old, part)

    def _rename(self, name: str, target: Directory, new_name: str) -> None:
        os.replace(name, new_name, src_dir_fd=self.descriptor, dst_dir_fd=target.descriptor)

    def _is_directory(self, name: str) -> bool:
        status = self.status(name)
        return status is not None and stat.S_ISDIR(status.st_mode)


@contextlib.contextmanager
def new_directory(parent: Directory, prefix: str) -> Iterator[Directory]:
    """A directory with a name that nobody can guess, for its owner alone; removed at the end, and
    if the driver is killed before."""
    name = prefix + os.urandom(16).hex()
    with unfinished(parent.descriptor, name):
        os.mkdir(name, 0o700, dir_fd=parent.descriptor)
        try:
            with parent.enter(name) as made:
                yield made
        finally:
            # Whoever may write in the parent can be in the way; its own end removes the rest.
            with contextlib.suppress(OSError, Refused):
                parent.remove(name)


def kind(mode: int) -> str:
    """What a file of this mode is, in words."""
    kinds = {
        stat.S_IFREG: "a file",
        stat.S_IFDIR: "a directory",
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "no file")


def permissions(mode: int, keep_set_id: bool) -> int:
    """The bits that a copy gets."""
    return mode & (PERMISSIONS | stat.S_ISVTX | (SET_ID if keep_set_id else 0))


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """All of it: the kernel may take less at once."""
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view = view[count:]
        offset += count
