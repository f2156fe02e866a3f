"""Safe access to directories on the host that a guest may write to.

A guest can put a symbolic link, a FIFO or a device under any name, and swap it at any time. So
every operation here is relative to the file descriptor of a directory, follows no symbolic link,
and checks the file that it has opened, not the path.
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

# Depth limit for trees: each level keeps a file descriptor open.
DEEPEST = 255

# Limit per directory: the names are kept in memory.
MOST_NAMES = 1_000_000

LONGEST_REMOVAL = 3600.0  # seconds

PERMISSIONS = 0o777  # without set-ID bits: the guest chose the program
SET_ID = stat.S_ISUID | stat.S_ISGID


class Refused(Exception):
    """A guest's file is not allowed on the host. The message begins with the file's path."""


class Directory:
    """An open directory. Every ``name`` is that of a direct entry, without slashes."""

    def __init__(self, descriptor: int, shown: str) -> None:
        self.descriptor = descriptor
        self.shown = shown
        """The path to show in messages."""

    @classmethod
    def at(cls, path: str | Path) -> Directory:
        """Open a trusted path; symbolic links in it are followed."""
        return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), str(path))

    def __enter__(self) -> Directory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file descriptor."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def path_of(self, name: str) -> str:
        """The path of an entry, for messages."""
        return os.path.join(self.shown, name)

    def status(self, name: str) -> os.stat_result | None:
        """The entry's own status (symbolic links not followed); None if it does not exist."""
        with contextlib.suppress(FileNotFoundError):
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        return None

    def names(self) -> list[str]:
        """The names of all entries. Raises Refused if there are more than MOST_NAMES."""
        names = self._some_names(MOST_NAMES + 1)
        if len(names) > MOST_NAMES:
            raise Refused(f"'{self.shown}' has more than {MOST_NAMES} files")
        return names

    def _some_names(self, most: int) -> list[str]:
        with os.scandir(self.descriptor) as entries:
            return [entry.name for entry in itertools.islice(entries, most)]

    def enter(self, name: str, make: bool = False) -> Directory:
        """Open a subdirectory; with ``make``, create it if it does not exist.

        Raises Refused if the entry is not a directory.
        """
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
        """Open the directory at the relative path ``parts``; see enter()."""
        place = self.again()
        for part in parts:
            with place:
                place = place.enter(part, make)
        return place

    def walk_to_end(self, parts: Sequence[str]) -> tuple[Directory, Sequence[str]]:
        """Open the deepest existing directory along ``parts``; return it and the other parts."""
        place = self.again()
        for number, part in enumerate(parts):
            if place.status(part) is None:
                return place, parts[number:]
            with place:
                place = place.enter(part)
        return place, ()

    def again(self) -> Directory:
        """A copy with a file descriptor of its own, which the caller has to close."""
        return Directory(os.dup(self.descriptor), self.shown)

    def create(self, name: str) -> BinaryIO:
        """Create a file with mode 0600. Raises FileExistsError if the name is taken."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(name, flags, 0o600, dir_fd=self.descriptor), "w+b", buffering=0)

    def open_file(self, name: str) -> BinaryIO:
        """Open a regular file for reading. Raises Refused for anything else, without blocking."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self.descriptor)
        except OSError as error:  # ELOOP: a symbolic link, ENXIO: a socket
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise Refused(f"'{self.path_of(name)}' is {self.kind_of(name)}") from None
            raise
        file = os.fdopen(descriptor, "rb", buffering=0)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise Refused(f"'{self.path_of(name)}' is {self.kind_of(name)}")
        return file

    def kind_of(self, name: str) -> str:
        """A description of the entry's file type, for messages."""
        status = self.status(name)
        return kind(status.st_mode) if status else "not there any more"

    def remove(self, name: str, limit: float = LONGEST_REMOVAL) -> None:
        """Remove a file or a tree, if it exists.

        Raises Refused if the tree is deeper than any copy, or if removing it takes more than
        ``limit`` seconds: a guest may keep adding to it.
        """
        self._remove(name, DEEPEST + 5, time.monotonic() + limit)

    def _remove(self, name: str, deepest: int, end: float) -> None:
        status = self.status(name)
        if status is None:
            return
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(name, dir_fd=self.descriptor)
            return
        with contextlib.suppress(OSError):  # needs no file descriptor: there may be none left
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
        """Open a subdirectory, and give its owner all permissions while the context lasts.

        Only users other than root need that.
        """
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
        with contextlib.suppress(PermissionError):  # another user owns it
            os.fchmod(self.descriptor, mode)

    def place(self, name: str, target: Directory, new_name: str) -> None:
        """Move our entry ``name`` to ``new_name`` in ``target``.

        An existing file is replaced; an existing directory is merged with the new one. Raises
        IsADirectoryError, and moves nothing, if a file would have to replace a directory.
        """
        obstacle = self._obstacle(name, target, new_name)
        if obstacle:
            raise IsADirectoryError(f"'{obstacle}' is a directory")
        self._place(name, target, new_name)

    def _obstacle(self, name: str, target: Directory, new_name: str) -> str | None:
        """The path of a directory that a file would have to replace; None if there is none."""
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
        # Moving a directory needs write permission on it, except for root.
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
    """Create a directory with a random name and mode 0700.

    It is removed at the end of the context, and also if the driver is killed before.
    """
    name = prefix + os.urandom(16).hex()
    with unfinished(parent.descriptor, name):
        os.mkdir(name, 0o700, dir_fd=parent.descriptor)
        try:
            with parent.enter(name) as made:
                yield made
        finally:
            # A guest that writes to the parent can prevent this; the rest goes with the parent.
            with contextlib.suppress(OSError, Refused):
                parent.remove(name)


def kind(mode: int) -> str:
    """A description of the file type in ``mode``, for messages."""
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
    """The permission bits that a copy of a file with ``mode`` gets."""
    return mode & (PERMISSIONS | stat.S_ISVTX | (SET_ID if keep_set_id else 0))


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of ``data`` at ``offset``; a single pwrite() may write less."""
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view = view[count:]
        offset += count
