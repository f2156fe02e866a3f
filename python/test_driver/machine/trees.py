"""Files and trees on the host: cut into pieces for a transfer, put together after one."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 16 << 20  # what is in memory at once
LARGE = 1 << 20  # a file of more than that is not part of an archive


def size_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def blocks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The content in pieces, each with its offset; holes are left out."""
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
                if error.errno == errno.ENXIO:  # nothing but a hole is left
                    return
                raise
            file.seek(position)
        data = file.read(length)
        if not data:
            return
        yield position, data
        position += len(data)


def archives(root: Path, large: list[str]) -> Iterator[bytes]:
    """The tree below ``root`` as complete tar archives of about PIECE, owned by root, one to be
    unpacked after the other. The names of large files are added to ``large`` instead."""
    buffer, archive = _new_archive()
    for name in _names(root):
        member = _member(archive, root, name)
        if member is None:
            continue
        if member.isreg() and member.size > LARGE:
            large.append(name)
            continue
        # It may grow or shrink meanwhile: what has been read counts.
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
    """All that is below ``root``, relative to it, a directory before its content."""
    for directory, directories, files in os.walk(root, onerror=_throw):
        for name in [*directories, *files]:
            yield os.path.relpath(os.path.join(directory, name), root)


def _throw(error: OSError) -> None:
    raise error


def _member(archive: tarfile.TarFile, root: Path, name: str) -> tarfile.TarInfo | None:
    """None for what no archive can have: sockets."""
    status = (root / name).lstat()
    if stat.S_ISREG(status.st_mode):  # not as a hard link to one of another archive
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


def unpack(file: BinaryIO, into: Path) -> None:
    """Unpack a guest's tar archive as it comes; all belongs to us then."""
    with file:
        with tarfile.open(fileobj=file, mode="r|") as archive:
            # Newer versions of Python have opinions of their own on modes and links otherwise.
            setattr(archive, "extraction_filter", lambda member, path: member)
            archive.extractall(into, members=_harmless(archive, into))
        while file.read(PIECE):  # behind the end mark: tar fills its last block up
            pass


def _harmless(archive: tarfile.TarFile, into: Path) -> Iterator[tarfile.TarInfo]:
    """The members without devices; an error for one that would come to lie elsewhere."""
    top = into.resolve()
    for member in archive:
        if member.ischr() or member.isblk():
            continue
        for name in [member.name, member.linkname] if member.islnk() else [member.name]:
            parent = (top / PurePosixPath(name).parent).resolve()
            if parent != top and top not in parent.parents or ".." in PurePosixPath(name).parts:
                raise ValueError(f"the guest's archive has a file outside of it: '{name}'")
        member.uid, member.gid = os.geteuid(), os.getegid()
        member.uname = member.gname = ""
        yield member


def link_or_copy(source: Path, target: Path) -> None:
    """For a target that is only read, and soon removed."""
    if source.is_file():
        with contextlib.suppress(OSError):  # another file system, or somebody else's file
            os.link(source, target)
            return
    copy_file(source, target)


def copy(source: Path, target: Path) -> None:
    """Copy a file or tree with modes, holes and symbolic links; without devices, FIFOs, sockets."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(
            source, target, symlinks=True, ignore=_special_files, copy_function=copy_file
        )
    else:
        copy_file(source, target)


def copy_file(source: str | Path, target: str | Path) -> None:
    """Copy a file with its mode and holes."""
    with open(source, "rb") as old, open(target, "xb") as new:
        for offset, data in blocks(old):
            new.seek(offset)
            new.write(data)
        if size_of(old) > new.tell():
            new.truncate(size_of(old))
    shutil.copymode(source, target)


def _special_files(directory: str, names: list[str]) -> list[str]:
    ordinary = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)
    modes = {name: os.lstat(os.path.join(directory, name)).st_mode for name in names}
    return [name for name, mode in modes.items() if not any(test(mode) for test in ordinary)]


def put_in_place(new: Path, final: Path) -> None:
    """Rename; a directory is merged with one that is there already."""
    mode = new.lstat().st_mode
    if not stat.S_ISDIR(mode):
        new.replace(final)
        return
    new.chmod(0o700)  # who is not root cannot move a read-only directory
    if final.is_dir():
        for part in list(new.iterdir()):
            put_in_place(part, final / part.name)
        return
    new.replace(final)
    final.chmod(stat.S_IMODE(mode))
