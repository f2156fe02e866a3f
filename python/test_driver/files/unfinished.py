"""Files that are never seen in part, and that nobody finds if we are killed."""

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
    """While this lasts, the driver's end, however it comes, removes what has that name in the open
    directory."""
    if not hasattr(engine, "guard_unfinished"):  # outside the driver
        yield
        return
    number = engine.guard_unfinished(parent, name)
    try:
        yield
    finally:
        engine.forget_unfinished(number)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, all of it or nothing. What has the name is replaced, not followed: it may be a
    link that a guest has left there."""
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
