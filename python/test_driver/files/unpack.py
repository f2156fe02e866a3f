"""What a guest sends as a tar archive, made into files of the host.

Python's tarfile reads the archive; what it says is made here, below one directory, without following
a link: its own ways to extract differ between the versions of Python, and have had holes.
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

PIECE = 1 << 20  # what is in memory at once

# What may come between the data of one file and that of the next: names, and maps of holes.
LONGEST_HEADER = 4 << 20

# For the names of links and directories, which are dealt with at the end.
MOST_KEPT = 256 << 20

LONGEST_NAME = 4096  # bytes, as Linux has it


def unpack(file: BinaryIO, into: Directory, keep_set_id: bool = False) -> None:
    """Unpack an archive as it comes, below ``into``, which is empty and nobody else's.

    All is its maker's then, with the permissions and times of the archive. Raises Refused for what
    a guest may not have there, or what is no archive, and OSError for what the host cannot store.
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
        except Exception as error:  # tarfile has many ways to say it
            raise Refused(f"the archive is damaged: {error}") from error
        finally:
            unpacking.close()
        while file.read(PIECE):  # behind the end mark: tar fills its last block up
            pass


class _Metered:
    """The archive's bytes; ends a header that has no end."""

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
        # What is read ahead counts.
        self._left = LONGEST_HEADER + tarfile.RECORDSIZE

    def data_comes(self) -> None:
        self._left = float("inf")


class _Header(tarfile.TarInfo):
    """Some releases of Python loop for ever over a size below zero."""

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
        kept.members = []  # it would keep them all
        if kept.pax_headers:  # no tar makes them unasked, and they would be kept as well
            raise Refused("the archive has headers that are for all of its members")
        source.data_comes()
        yield member
        # tarfile would look for the next member behind data that never come.
        if kept.offset - kept.fileobj.tell() >= tarfile.BLOCKSIZE:
            raise Refused(f"'{member.name}' has data in the archive that are no part of it")


class _Later(NamedTuple):
    """A link, or a directory, as it has to be in the end. A tarfile.TarInfo, and a name in parts,
    may take a thousand times the memory of what was sent for it."""

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
    """Makes one member after the other. The directory of the last one stays open: its neighbours
    come next."""

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
        """Links come last, so that nothing can come to lie behind one; then what making things in
        a directory changes in it."""
        for link in self._links:
            self._add_link(link)
        for made in reversed(self._directories):
            descriptor = self._enter(_parts(made.name)).descriptor
            _set_mode_and_time(descriptor, made.mode, made.time, self._keep_set_id)
            self._leave_to(0)  # it may be one that cannot be entered any more

    def _keep(self, kept: list[_Later], member: tarfile.TarInfo) -> None:
        later = _Later.of(member)
        self._kept += later.memory()
        if self._kept > MOST_KEPT:
            raise Refused(f"'{member.name}' is one directory or link too many")
        kept.append(later)

    def _named(self, parts: list[str], member: tarfile.TarInfo) -> str:
        if not parts:
            raise Refused(f"'{member.name}' is no name for {_kind_of(member)}")
        return parts[-1]

    def _enter(self, parts: list[str]) -> Directory:
        """The directory below the top, made if need be."""
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
        """Link to a file of the same archive; the content of what is a symbolic link itself."""
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
            with contextlib.suppress(FileExistsError):  # it was one with it already
                os.link(
                    origin,
                    name,
                    src_dir_fd=source.descriptor,
                    dst_dir_fd=directory.descriptor,
                    follow_symlinks=False,
                )
        return None


def _parts(name: str) -> list[str]:
    """The parts of a name below the top."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise Refused(f"'{name}' would lie outside of the copy")
    if len(parts) > DEEPEST or len(os.fsencode(name)) > LONGEST_NAME:
        raise Refused(f"'{name[:200]}...' is too long or too deep a name")
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
    """An archive may have a name twice: the last one counts."""
    there = directory.status(name)
    if there is None or (unless and os.path.samestat(there, unless)):
        return
    try:
        os.unlink(name, dir_fd=directory.descriptor)
    except IsADirectoryError:
        raise Refused(f"'{directory.path_of(name)}' is a directory and something else") from None


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
    """Offset and size of each part that has data; tarfile has read the map of the holes."""
    sparse: Any = member.sparse
    if member.size < 0:
        raise Refused(f"'{member.name}' has a size below zero")
    if sparse is None:
        return [(0, member.size)]
    pieces: list[tuple[int, int]] = [piece for piece in sparse if piece[1] != 0]
    end = 0
    for offset, size in pieces:
        if offset < end or size < 0 or offset + size > member.size:
            raise Refused(f"'{member.name}' has a map of holes that cannot be")
        end = offset + size
    return pieces


def _set_mode_and_time(descriptor: int, mode: int, time: float, keep_set_id: bool) -> None:
    os.fchmod(descriptor, permissions(mode, keep_set_id))
    with contextlib.suppress(OSError, OverflowError, ValueError):  # of a time that cannot be
        os.utime(descriptor, (time, time))
