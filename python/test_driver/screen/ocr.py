"""OCR of screen pictures, with tesseract.

No single preprocessing suits all screens, so a picture can be read in several ways at once. All
programs run in their own process groups. They are killed at the time limit, when the caller needs
no more results, and when the driver ends for any reason.
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

# ImageMagick's options to prepare a picture for tesseract. Letters on screens are smaller than the
# printed ones that tesseract knows, so they are enlarged. Without more contrast, tesseract would
# take the blurred edges for letters.
_ENLARGED = "-colorspace gray -filter Catrom -resize 300% -level 20%,80%"
_INVERTED = "-colorspace gray -filter Catrom -resize 300% -negate -level 0%,50%"
_AS_IT_IS = ""

# Finds text anywhere: a screen is no page with columns.
_SPARSE_TEXT = "11"

# No screen holds more text. The limit keeps faulty output from using up all memory.
_MOST_TEXT = 1 << 24
_MOST_WORDS = 2000


def find_tesseract() -> str:
    """The path of tesseract. Raises RequestedAssertionFailed if there is none."""
    path = shutil.which("tesseract")
    if path is None:
        raise RequestedAssertionFailed(
            "OCR requested but enableOCR is false: there is no program 'tesseract'. In a NixOS "
            "test set 'enableOCR = true;', elsewhere install tesseract-ocr and imagemagick"
        )
    return path


def ways() -> list[str]:
    """The ways to prepare pictures that work here, the best one first."""
    if _find_imagemagick() is None:
        return [_AS_IT_IS]
    return [_ENLARGED, _INVERTED, _AS_IT_IS]


def _find_imagemagick() -> str | None:
    return shutil.which("magick") or shutil.which("convert")


def perform_ocr_on_screenshot(screenshot_path: Path, timeout: Duration | None = None) -> str:
    """The text in a picture; an empty string if ``timeout`` (in seconds) is too short."""
    return _in_order(screenshot_path, ways()[:1], timeout)[0]


def perform_ocr_variants_on_screenshot(
    screenshot_path: Path, variants: bool = True, timeout: Duration | None = None
) -> list[str]:
    """The texts in a picture, read in several ways (in one way only without ``variants``).

    All share the same ``timeout`` (in seconds). A text that is not ready by then is an empty
    string.
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
    """Read a picture in several ways at once; yield each text with its index when it is ready.

    Ends when all are ready, or after ``timeout`` or the time limit of the enclosing wait. Closing
    the iterator kills the programs that still run. Raises RequestedAssertionFailed if tesseract
    does not work at all.
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
    """Wait until at least one has finished; return all that have. Empty at the time limit."""
    waiting = select.poll()
    index_of = {reading.exit_fd: index for index, reading in running.items()}
    for exit_fd in index_of:
        waiting.register(exit_fd, select.POLLIN)
    left = None if end == math.inf else max(0.0, end - time.monotonic()) * 1000
    return [index_of[exit_fd] for exit_fd, _ in waiting.poll(left)]


class _Reading:
    """One run of tesseract, with ImageMagick before it if needed."""

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
        """The text that was read. Call it after the end of the programs."""
        status = self._program.wait()
        if status != 0:
            self._errors.seek(0)
            said = self._errors.read(_MOST_WORDS).decode(errors="replace").strip()
            raise RequestedAssertionFailed(f"OCR failed with status {status}: {said}")
        self._output.seek(0)
        return self._output.read(_MOST_TEXT).decode(errors="replace").rstrip("\f")

    def end(self) -> None:
        """Kill the programs if they still run, and close the files."""
        self._program.end(0)
        self._output.close()
        self._errors.close()


def _command(tesseract: str, way: str) -> str:
    """The shell command that turns a picture on standard input into text on standard output."""
    # Several processes at a time use the CPUs better than several threads of one.
    recognise = f"OMP_THREAD_LIMIT=1 {shlex.join([tesseract, '-', '-', '--psm', _SPARSE_TEXT])}"
    imagemagick = _find_imagemagick()
    if not way or imagemagick is None:
        return recognise
    prepare = [imagemagick, "-", *way.split(), "pgm:-"]
    return f"{shlex.join(prepare)} | {recognise}"
