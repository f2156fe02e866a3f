"""Where the script is: the line of each of its threads."""

from __future__ import annotations

import _thread
import sys
from typing import TYPE_CHECKING

from test_driver.logger.failure import FILE_NAME

if TYPE_CHECKING:
    from types import FrameType

MOST_THREADS = 10  # that are shown


def text() -> str:
    """A line for each thread that is in the script; empty if none is."""
    own = _thread.get_ident()
    frames = [(key, frame) for key, frame in sys._current_frames().items() if key != own]
    places = [(key, line) for key, frame in frames if (line := _line_of(frame))]
    names = _names()
    lines = [
        f"{names.get(key, f'thread {key}')} is at line {line} of the script"
        for key, line in places[:MOST_THREADS]
    ]
    if len(places) > MOST_THREADS:
        lines.append(f"(and {len(places) - MOST_THREADS} more threads)")
    return "\n".join(lines)


def _line_of(frame: FrameType | None) -> int | None:
    """The line of the innermost frame of the script."""
    while frame is not None:
        if frame.f_code.co_filename == FILE_NAME:
            return frame.f_lineno
        frame = frame.f_back
    return None


def _names() -> dict[int, str]:
    threading = sys.modules.get("threading")
    if threading is None:  # then Python has started no other thread
        return dict.fromkeys(sys._current_frames(), "the main thread")
    return {
        each.ident: "the main thread" if each is threading.main_thread() else f"thread {each.name}"
        for each in threading.enumerate()
    }
