"""Read files and trees on the host in pieces for a transfer, and copy them on the host."""

from __future__ import annotations

import errno
import io
import os
import stat
import tarfile
import time
from typing import TYPE_CHECKING, BinaryIO

from test_driver.files.beneath import DEEPEST, Directory, Refused, permissions, write_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIECE = 16 << 20  # bytes to keep in memory at once
LARGE = 1 << 20  # larger files (in bytes) are not put into an archive


def size_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def blocks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the content as (offset, data), without holes.

    The last piece is empty; its offset is the end of the content. That is how much can be read: for
    some files, such as those in /proc, it differs from the size in the file's status.
    """
    status = os.fstat(file.fileno())
    has_holes = stat.S_ISREG(status.st_mode) and status.st_blocks * 512 < status.st_size
    position = 0
    length = PIECE
    while True:
        if has_holes:
            try:
                position = os.lseek(file.fileno(), position, os.SEEK_DATA)
                length = min(PIECE, os.lseek(file.fileno(), position, os.SEEK_HOLE) - position)
            except OSError as error:
                if error.errno == errno.ENXIO:  # no data after this position
                    yield max(position, size_of(file)), b""
                    return
                raise
            file.seek(position)
        data = file.read(length)
        yield position, data
        if not data:
            return
        position += len(data)


def archives(root: Path, large: list[str], keep_set_id: bool = False) -> Iterator[bytes]:
    """Yield the tree below ``root`` as complete tar archives of about PIECE bytes each.

    They have to be unpacked one after the other; all files in them belong to root. Files larger
    than LARGE are left out: their names are added to ``large``.
    """
    buffer, archive = _new_archive()
    for name in _names(root):
        member = _member(archive, root, name)
        if member is None:
            continue
        member.mode = permissions(member.mode, keep_set_id)
        if member.isreg() and member.size > LARGE:
            large.append(name)
            continue
        # The file may change in the meantime, so its size is what has been read.
        data = (root / name).read_bytes() if member.isreg() else b""
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
        if buffer.tell() >= PIECE:
            archive.close()
            yield buffer.getvalue()
            buffer, archive = _new_archive()
    archive.close()
    yield buffer.getvalue()


def _new_archive() -> tuple[io.BytesIO, tarfile.TarFile]:
    buffer = io.BytesIO()
    return buffer, tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT)


def _names(root: Path) -> Iterator[str]:
    """The relative paths of all files below ``root``, each directory before its content."""
    for directory, directories, files in os.walk(root, onerror=_throw):
        for name in [*directories, *files]:
            yield os.path.relpath(os.path.join(directory, name), root)


def _throw(error: OSError) -> None:
    raise error


def _member(archive: tarfile.TarFile, root: Path, name: str) -> tarfile.TarInfo | None:
    """The tar header of a file; None for a socket, which cannot be archived."""
    status = (root / name).lstat()
    if stat.S_ISREG(status.st_mode):  # gettarinfo() could make a link to a file in another archive
        member = tarfile.TarInfo(name)
        member.mode = stat.S_IMODE(status.st_mode)
        member.size = status.st_size
    else:
        made = archive.gettarinfo(root / name, name)
        if made is None:
            return None
        member = made
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def copy(
    source: Directory, name: str, target: Directory, new_name: str, limits: CopyLimits
) -> None:
    """Copy a file or tree that a guest has made.

    Permissions, holes and the symbolic links in a tree are kept; sockets in it are left out. Raises
    Refused for any other kind of file, and when ``limits`` are exceeded.
    """
    limits.check()
    status = source.status(name)
    if status is None:
        raise Refused(f"'{source.path_of(name)}' is not there any more")
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        _copy_directory(source, name, target, new_name, limits)
    elif stat.S_ISLNK(mode) and limits.depth > 0:
        link = os.readlink(name, dir_fd=source.descriptor)
        os.symlink(link, new_name, dir_fd=target.descriptor)
    elif not stat.S_ISSOCK(mode) or limits.depth == 0:  # tar leaves sockets out, too
        with source.open_file(name) as old, target.create(new_name) as new:
            copy_data(old, new, limits)
            made = os.fstat(old.fileno()).st_mode
            os.fchmod(new.fileno(), permissions(made, limits.keep_set_id))


def _copy_directory(
    source: Directory, name: str, target: Directory, new_name: str, limits: CopyLimits
) -> None:
    if limits.depth == DEEPEST:
        raise Refused(f"'{source.path_of(name)}' is too deep")
    os.mkdir(new_name, 0o700, dir_fd=target.descriptor)
    with source.enter(name) as old, target.enter(new_name) as new:
        limits.depth += 1
        for part in old.names():
            copy(old, part, new, part, limits)
        limits.depth -= 1
        made = os.fstat(old.descriptor).st_mode
        os.fchmod(new.descriptor, permissions(made, limits.keep_set_id))


class CopyLimits:
    """Limits for a copy from a directory to which a guest may be writing; ``limit`` in seconds."""

    def __init__(self, limit: float, keep_set_id: bool = False) -> None:
        self.depth = 0
        self.keep_set_id = keep_set_id
        self._limit = limit
        self._end = time.monotonic() + limit

    def check(self) -> None:
        """Raise Refused if the time limit has passed."""
        if time.monotonic() > self._end:
            raise Refused(f"the copy took longer than {self._limit:.0f} seconds")


def copy_data(old: BinaryIO, new: BinaryIO, limits: CopyLimits | None = None) -> None:
    """Copy the content of a file, holes included.

    With ``limits``, what is appended to the file during the copy is left out.
    """
    most = size_of(old)
    for offset, data in blocks(old):
        end = offset + len(data)
        if limits:
            limits.check()
            end = min(end, most)
        write_at(new.fileno(), data[: max(0, end - offset)], offset)
        if end > size_of(new):
            os.truncate(new.fileno(), end)
        if limits and end == most:
            break
