"""Text in pictures of screens, read by tesseract.

No single way of preparing a picture suits all screens, so a picture can be read in several ways at
once. All of them are programs in process groups of their own, which are killed when the time is
over, when nobody wants the rest, and when the driver ends, however it does.
"""

from __future__ import annotations

import math
import select
import shlex
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING

from test_driver._engine import engine
from test_driver.duration import Duration, seconds
from test_driver.errors import RequestedAssertionFailed

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

# What ImageMagick makes of a picture, before tesseract reads it. Letters on screens are smaller
# than the printed ones that tesseract knows; and without a clear contrast the edges that enlarging
# smears are taken for the letters.
_ENLARGED = "-colorspace gray -filter Catrom -resize 300% -level 20%,80%"
_INVERTED = "-colorspace gray -filter Catrom -resize 300% -negate -level 0%,50%"
_AS_IT_IS = ""

# Letters in whatever place: a screen is no page with columns of text.
_SPARSE_TEXT = "11"

# No screen holds more; what the programs say must not take all memory.
_MOST_TEXT = 1 << 24
_MOST_WORDS = 2000


def find_tesseract() -> str:
    """Path of tesseract; RequestedAssertionFailed if there is none."""
    path = shutil.which("tesseract")
    if path is None:
        raise RequestedAssertionFailed(
            "OCR requested but enableOCR is false: there is no program 'tesseract'. In a NixOS "
            "test set 'enableOCR = true;', elsewhere install tesseract-ocr and imagemagick"
        )
    return path


def ways() -> list[str]:
    """The ways in which pictures can be read here, the best one first."""
    if _find_imagemagick() is None:
        return [_AS_IT_IS]
    return [_ENLARGED, _INVERTED, _AS_IT_IS]


def _find_imagemagick() -> str | None:
    return shutil.which("magick") or shutil.which("convert")


def perform_ocr_on_screenshot(screenshot_path: Path, timeout: Duration | None = None) -> str:
    """The text in a picture; the empty string if ``timeout`` (seconds) is not enough."""
    return _in_order(screenshot_path, ways()[:1], timeout)[0]


def perform_ocr_variants_on_screenshot(
    screenshot_path: Path, variants: bool = True, timeout: Duration | None = None
) -> list[str]:
    """The text in a picture, read in several ways (in one only without ``variants``).

    All have the same ``timeout`` (seconds); what is not read by then is an empty string.
    """
    return _in_order(screenshot_path, ways() if variants else [_AS_IT_IS], timeout)


def _in_order(picture: Path, chosen: Sequence[str], timeout: Duration | None) -> list[str]:
    texts = [""] * len(chosen)
    with closing(read(picture, chosen, timeout)) as readings:
        for index, text in readings:
            texts[index] = text
    return texts


def read(
    picture: Path, chosen: Sequence[str], timeout: Duration | None
) -> Generator[tuple[int, str], None, None]:
    """Read a picture in several ways at once; give each text, with its index, once it is there.

    Ends when all are there, or ``timeout`` or the limit of the wait around is over. Closing the
    iterator kills those that still run. Raises RequestedAssertionFailed if tesseract does not work at all.
    """
    own = seconds(timeout)
    limit = min(math.inf if own is None else own, engine.WaitLimit.left_now())
    end = time.monotonic() + limit
    running: dict[int, _Reading] = {}
    tesseract = find_tesseract()
    try:
        if limit > 0:
            for index, way in enumerate(chosen):
                running[index] = _Reading(tesseract, picture, way)
        while running:
            finished = _wait_for_one(running, end)
            if not finished:
                return
            for index in finished:
                reading = running.pop(index)
                try:
                    text = reading.text()
                finally:
                    reading.end()
                yield index, text
    finally:
        for reading in running.values():
            reading.end()


def _wait_for_one(running: dict[int, _Reading], end: float) -> list[int]:
    """Those that have finished, at least one; none when the time is over."""
    waiting = select.poll()
    index_of = {reading.exit_fd: index for index, reading in running.items()}
    for exit_fd in index_of:
        waiting.register(exit_fd, select.POLLIN)
    left = None if end == math.inf else max(0.0, end - time.monotonic()) * 1000
    return [index_of[exit_fd] for exit_fd, _ in waiting.poll(left)]


class _Reading:
    """One run of tesseract, and of ImageMagick before it."""

    def __init__(self, tesseract: str, picture: Path, way: str) -> None:
        self._output: IO[bytes] = tempfile.TemporaryFile()
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        with picture.open("rb") as content:
            self._program = engine.Program(
                ["/bin/sh", "-c", _command(tesseract, way)],
                input=content.fileno(),
                output=self._output.fileno(),
                errors=self._errors.fileno(),
            )
        self.exit_fd = self._program.exit_fd

    def text(self) -> str:
        """What was read, after the end."""
        status = self._program.wait()
        if status != 0:
            self._errors.seek(0)
            said = self._errors.read(_MOST_WORDS).decode(errors="replace").strip()
            raise RequestedAssertionFailed(f"OCR failed with status {status}: {said}")
        self._output.seek(0)
        return self._output.read(_MOST_TEXT).decode(errors="replace").rstrip("\f")

    def end(self) -> None:
        """Kill what still runs, and forget all."""
        self._program.end(0)
        self._output.close()
        self._errors.close()


def _command(tesseract: str, way: str) -> str:
    """From a picture on standard input to text on standard output."""
    # Several at a time use the processors better than several threads of one.
    recognise = f"OMP_THREAD_LIMIT=1 {shlex.join([tesseract, '-', '-', '--psm', _SPARSE_TEXT])}"
    imagemagick = _find_imagemagick()
    if not way or imagemagick is None:
        return recognise
    prepare = [imagemagick, "-", *way.split(), "pgm:-"]
    return f"{shlex.join(prepare)} | {recognise}"
