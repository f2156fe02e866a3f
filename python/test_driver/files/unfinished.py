"""Write files atomically, and remove temporary files even if the driver is killed."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from test_driver._engine import engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def unfinished(parent: int, name: str) -> Iterator[None]:
    """While the context lasts, remove ``name`` if the driver ends, for whatever reason.

    ``parent`` is the file descriptor of the directory that has the entry.
    """
    if not hasattr(engine, "guard_unfinished"):  # outside the driver
        yield
        return
    number = engine.guard_unfinished(parent, name)
    try:
        yield
    finally:
        engine.forget_unfinished(number)


def write_file(path: Path, content: bytes) -> None:
    """Write a file atomically.

    An existing file is replaced. A symbolic link is replaced, too, and not followed: a guest may
    have put it there.
    """
    beside = f".{os.urandom(8).hex()}.part"
    with contextlib.ExitStack() as stack:
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, parent)
        stack.enter_context(unfinished(parent, beside))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = stack.enter_context(open(os.open(beside, flags, 0o666, dir_fd=parent), "wb"))
        try:
            file.write(content)
            file.flush()
            os.replace(beside, path.name, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside, dir_fd=parent)
            raise
