"""Unpack a tar archive that a guest sends.

Python's tarfile only parses the archive. The files are created here, below one directory and
without following symbolic links: tarfile's own extraction differs between versions of Python, and
has had security holes.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sys
import tarfile
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from test_driver.files.beneath import DEEPEST, Directory, Refused, kind, permissions, write_at

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1 << 20  # bytes to keep in memory at once

# Limit in bytes for the headers between the data of two files: names, and maps of holes.
LONGEST_HEADER = 4 << 20

# Limit in bytes for what is remembered of links and directories until the end.
MOST_KEPT = 256 << 20

LONGEST_NAME = 4096  # bytes: PATH_MAX of Linux


def unpack(file: BinaryIO, into: Directory, keep_set_id: bool = False) -> None:
    """Unpack the archive from a stream into ``into``, an empty directory that only we can access.

    Permissions and times come from the archive; the owner is the user of this process. Raises
    Refused for a damaged archive or for members that a guest may not send, and OSError if the host
    cannot store a file.
    """
    with file:
        source = _Metered(file)
        unpacking = _Unpacking(into, keep_set_id)
        try:
            stream = cast("BinaryIO", source)
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as archive:
                for member in _members(archive, source):
                    unpacking.add(member, archive)
            unpacking.finish()
        except (OSError, Refused):
            raise
        except Exception as error:  # tarfile raises many kinds for damaged archives
            raise Refused(f"the archive is damaged: {error}") from error
        finally:
            unpacking.close()
        while file.read(PIECE):  # the padding after the end mark
            pass


class _Metered:
    """The archive's stream. Raises Refused for headers longer than LONGEST_HEADER."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left: float = LONGEST_HEADER

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise Refused(f"a header of more than {LONGEST_HEADER} bytes is in the archive")
        return data

    def header_comes(self) -> None:
        # tarfile reads whole records, so it may have read part of the data already.
        self._left = LONGEST_HEADER + tarfile.RECORDSIZE

    def data_comes(self) -> None:
        self._left = float("inf")


class _Header(tarfile.TarInfo):
    """Rejects negative sizes: some releases of Python loop forever on them."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0:
            raise Refused(f"'{header.name}' has a size below zero")
        return header


def _members(archive: tarfile.TarFile, source: _Metered) -> Iterator[tarfile.TarInfo]:
    kept: Any = archive
    while True:
        source.header_comes()
        member = archive.next()
        if member is None:
            return
        kept.members = []  # else tarfile keeps all members in memory
        if kept.pax_headers:  # kept in memory, too; tar writes them only on request
            raise Refused("the archive has headers that are for all of its members")
        source.data_comes()
        yield member
        # tarfile would look for the next header after these data, which may never arrive.
        if kept.offset - kept.fileobj.tell() >= tarfile.BLOCKSIZE:
            raise Refused(f"'{member.name}' has data in the archive that are no part of it")


class _Later(NamedTuple):
    """A link or directory to complete at the end.

    A tarfile.TarInfo, or a name split into parts, could take a thousand times the memory of the
    bytes that were sent for it.
    """

    name: str
    target: str
    is_symbolic: bool
    mode: int
    time: float

    @classmethod
    def of(cls, member: tarfile.TarInfo) -> _Later:
        return cls(member.name, member.linkname, member.issym(), member.mode, member.mtime)

    def memory(self) -> int:
        return 250 + sys.getsizeof(self.name) + sys.getsizeof(self.target)


class _Unpacking:
    """Creates the members of an archive.

    The directory of the last one stays open, because the next one is usually in it, too.
    """

    def __init__(self, top: Directory, keep_set_id: bool) -> None:
        self._open: list[tuple[str, Directory]] = [("", top.again())]
        self._keep_set_id = keep_set_id
        self._links: list[_Later] = []
        self._directories: list[_Later] = []
        self._kept = 0

    def close(self) -> None:
        while self._open:
            self._open.pop()[1].close()

    def add(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        parts = _parts(member.name)
        if member.isdir():
            self._enter(parts)
            self._keep(self._directories, member)
        elif member.issym() or member.islnk():
            self._named(parts, member)
            self._keep(self._links, member)
        elif member.isreg():
            self._add_file(parts, member, archive)
        else:
            raise Refused(
                f"'{member.name}' is {_kind_of(member)}: only files, directories and links are copied"
            )

    def finish(self) -> None:
        """Create the links, then set the modes and times of directories.

        Links come last so that no file can be created through one. Modes and times come after them
        because creating an entry changes its directory.
        """
        for link in self._links:
            self._add_link(link)
        for made in reversed(self._directories):
            descriptor = self._enter(_parts(made.name)).descriptor
            _set_mode_and_time(descriptor, made.mode, made.time, self._keep_set_id)
            self._leave_to(0)  # with the new mode, entering it again may fail

    def _keep(self, kept: list[_Later], member: tarfile.TarInfo) -> None:
        later = _Later.of(member)
        self._kept += later.memory()
        if self._kept > MOST_KEPT:
            raise Refused(f"'{member.name}' exceeds the limit for directories and links")
        kept.append(later)

    def _named(self, parts: list[str], member: tarfile.TarInfo) -> str:
        if not parts:
            raise Refused(f"'{member.name}' is not a valid name for {_kind_of(member)}")
        return parts[-1]

    def _enter(self, parts: list[str]) -> Directory:
        """Open the directory at ``parts`` below the top; create it if necessary."""
        same = 0
        for (name, _), part in zip(self._open[1:], parts, strict=False):
            if name != part:
                break
            same += 1
        self._leave_to(same)
        for part in itertools.islice(parts, same, None):
            self._open.append((part, self._open[-1][1].enter(part, make=True)))
        return self._open[-1][1]

    def _leave_to(self, depth: int) -> None:
        while len(self._open) > depth + 1:
            self._open.pop()[1].close()

    def _add_file(self, parts: list[str], member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        name = self._named(parts, member)
        directory = self._enter(parts[:-1])
        _make_room(directory, name)
        with directory.create(name) as file:
            _copy_data(member, archive, file.fileno())
            _set_mode_and_time(file.fileno(), member.mode, member.mtime, self._keep_set_id)

    def _add_link(self, link: _Later) -> None:
        parts = _parts(link.name)
        directory = self._enter(parts[:-1])
        content = link.target if link.is_symbolic else None
        if content is None:
            content = self._link(link, directory, parts[-1])
        if content is not None:
            _make_room(directory, parts[-1])
            os.symlink(content, parts[-1], dir_fd=directory.descriptor)

    def _link(self, link: _Later, directory: Directory, name: str) -> str | None:
        """Create a hard link to a file of the same archive.

        If the target is a symbolic link, only return its content: the caller makes a copy of it.
        """
        parts = _parts(link.target)
        if not parts:
            raise Refused(f"'{link.name}' is a hard link to '{link.target}', a directory")
        origin = parts[-1]
        with self._open[0][1].walk(parts[:-1]) as source:
            status = source.status(origin)
            if status is None:
                raise Refused(f"'{link.name}' is a link to '{link.target}', which is not there")
            found = kind(status.st_mode)
            if found == "a symbolic link":
                return os.readlink(origin, dir_fd=source.descriptor)
            if found != "a file":
                raise Refused(f"'{link.name}' is a hard link to '{link.target}', {found}")
            _make_room(directory, name, unless=status)
            with contextlib.suppress(FileExistsError):  # linked to the same file already
                os.link(
                    origin,
                    name,
                    src_dir_fd=source.descriptor,
                    dst_dir_fd=directory.descriptor,
                    follow_symlinks=False,
                )
        return None


def _parts(name: str) -> list[str]:
    """Split a member's name into its parts. Raises Refused if it is not below the top."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise Refused(f"'{name}' would lie outside of the copy")
    if len(parts) > DEEPEST or len(os.fsencode(name)) > LONGEST_NAME:
        raise Refused(f"'{name[:200]}...' is too long, or has too many directories")
    return parts


def _kind_of(member: tarfile.TarInfo) -> str:
    if member.isfifo():
        return "a FIFO"
    if member.isdev():
        return "a device"
    if member.islnk() or member.issym():
        return "a link"
    return "a file" if member.isreg() else f"of a kind that tar does not know ({member.type!r})"


def _make_room(directory: Directory, name: str, unless: os.stat_result | None = None) -> None:
    """Remove a file of that name: if an archive has a name twice, the last member wins.

    Nothing is removed if it is the same file as ``unless``.
    """
    there = directory.status(name)
    if there is None or (unless and os.path.samestat(there, unless)):
        return
    try:
        os.unlink(name, dir_fd=directory.descriptor)
    except IsADirectoryError:
        raise Refused(f"'{directory.path_of(name)}' is in the archive both as a directory and as another kind of file") from None


def _copy_data(member: tarfile.TarInfo, archive: tarfile.TarFile, file: int) -> None:
    try:
        for offset, size in _pieces(member):
            _copy_piece(member, archive, file, offset, offset + size)
        if member.size > os.fstat(file).st_size:
            os.truncate(file, member.size)
    except OSError as error:
        if error.errno not in (errno.EFBIG, errno.EINVAL):
            raise
        raise Refused(f"'{member.name}' has a size of {member.size} bytes") from None


def _copy_piece(
    member: tarfile.TarInfo, archive: tarfile.TarFile, file: int, position: int, end: int
) -> None:
    assert archive.fileobj is not None
    while position < end:
        data = archive.fileobj.read(min(PIECE, end - position))
        if not data:
            raise Refused(f"'{member.name}' is cut off after {position} bytes")
        write_at(file, data, position)
        position += len(data)


def _pieces(member: tarfile.TarInfo) -> list[tuple[int, int]]:
    """The (offset, size) of each part that has data, from tarfile's map of the holes."""
    sparse: Any = member.sparse
    if member.size < 0:
        raise Refused(f"'{member.name}' has a size below zero")
    if sparse is None:
        return [(0, member.size)]
    pieces: list[tuple[int, int]] = [piece for piece in sparse if piece[1] != 0]
    end = 0
    for offset, size in pieces:
        if offset < end or size < 0 or offset + size > member.size:
            raise Refused(f"'{member.name}' has an invalid map of holes")
        end = offset + size
    return pieces


def _set_mode_and_time(descriptor: int, mode: int, time: float, keep_set_id: bool) -> None:
    os.fchmod(descriptor, permissions(mode, keep_set_id))
    with contextlib.suppress(OSError, OverflowError, ValueError):  # the time may be out of range
        os.utime(descriptor, (time, time))
