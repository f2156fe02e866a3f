"""The screen of a machine: pictures, text in them, windows."""

from __future__ import annotations

import os

from test_driver.duration import DEFAULT_LIMIT, Seconds, wait_limit
from test_driver.errors import MachineError, RequestedAssertionFailed

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    import re
    from contextlib import AbstractContextManager
    from pathlib import Path

    from test_driver import _declared
    from test_driver.duration import Duration
    from test_driver.logger import AbstractLogger

    class Machine(_declared.BaseMachine):
        """The members of BaseMachine that are used here."""

        logger: AbstractLogger

        def nested(
            self, msg: str, attrs: dict[str, str] | None = None
        ) -> AbstractContextManager[None]: ...

else:
    Machine = object

# For one picture: if tesseract hangs, we try again with the next picture.
READING_LIMIT = Seconds(120)


class ScreenMixin(Machine):
    """Methods of machines with a graphical screen."""

    # ------------------------------------------------------------------------------ pictures

    def screenshot(self, filename: str | Path) -> None:
        """Take a picture of the screen, as PNG.

        A bare name is a file in the output directory; a name with a ``/`` is a path. A name without
        a ``.`` gets the extension ``.png``.
        """
        from pathlib import Path

        name = str(filename)
        if "." not in name:
            name += ".png"
        path = Path(name) if "/" in name else Path(self.out_dir) / name
        with self.nested(f"making screenshot {path}", {"image": path.name}):
            self._write_picture(self._screen(), path)

    def _screen(self) -> bytes:
        """The picture of the screen, as binary PPM. Each kind of machine implements this."""
        raise NotImplementedError

    def _write_picture(self, ppm: bytes, path: Path) -> None:
        from test_driver.files.unfinished import write_file
        from test_driver.screen.picture import png_of_ppm

        try:
            write_file(path, png_of_ppm(ppm))
        except ValueError as error:
            raise MachineError(f"machine '{self.name}': its picture is {error}") from error

    # ------------------------------------------------------------------------------ text

    def get_screen_text(self) -> str:
        """The text on the screen, read by tesseract.

        Raises RequestedAssertionFailed if there is no tesseract (``enableOCR`` of NixOS tests).
        """
        from test_driver.screen import ocr

        ocr.find_tesseract()
        with _picture_file(self._screen()) as path:
            return ocr.perform_ocr_on_screenshot(path, READING_LIMIT)

    def get_screen_text_variants(self) -> list[str]:
        """The texts on the screen, read from the original picture and from prepared ones.

        There is at least one; their order has no meaning.
        """
        from test_driver.screen import ocr

        ocr.find_tesseract()
        with _picture_file(self._screen()) as path:
            return ocr.perform_ocr_variants_on_screenshot(path, timeout=READING_LIMIT)

    def wait_for_text(
        self, regex: str | re.Pattern[str], timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until text on the screen matches, in any of the ways to read it.

        After ``timeout``, logs the last text, stores the last picture in the output directory as
        ``MACHINE-last-screen.png``, and raises RequestedAssertionFailed.
        """
        import re

        from test_driver.screen import ocr

        ocr.find_tesseract()
        pattern = re.compile(regex)
        watch = _TextWatch(self, pattern)
        with self.nested(f"waiting for {pattern.pattern} to appear on screen"):
            try:
                self._retry(watch.look, wait_limit(timeout), watch.last_text)
            except BaseException:  # on Ctrl-C, too, to show what was on the screen
                watch.report()
                raise

    # ------------------------------------------------------------------------------ windows

    def wait_for_x(self, timeout: Duration | None = DEFAULT_LIMIT) -> None:
        """Wait until a graphical session runs and its X server accepts connections."""
        session = "journalctl -b SYSLOG_IDENTIFIER=systemd --no-pager"
        # Not grep -q: it may exit before journalctl has written everything, and then journalctl
        # fails. Some systemd versions, like Debian's, put the unit's name before its description.
        ready = (
            f"{session} | grep 'Reached target .*Current graphical' >/dev/null"
            " && test -e /tmp/.X11-unix/X0"
        )

        def is_ready(_last: bool) -> bool:
            return self.execute(ready)[0] == 0

        with self.nested("waiting for the X11 server"):
            self._retry(is_ready, wait_limit(timeout), lambda: "there is no graphical session")

    def get_window_names(self) -> list[str]:
        """The titles of all windows of the X server, from ``xwininfo``."""
        return _window_titles(self.succeed("xwininfo -root -tree"))

    def wait_for_window(
        self, regexp: str | re.Pattern[str], timeout: Duration | None = DEFAULT_LIMIT
    ) -> None:
        """Wait until an X11 window has a title that matches.

        After ``timeout``, logs the titles and raises RequestedAssertionFailed.
        """
        import re

        pattern = re.compile(regexp)
        titles: list[str] = []

        def is_there(last: bool) -> bool:
            nonlocal titles
            status, output = self.execute("xwininfo -root -tree")
            if status == 127:
                raise RequestedAssertionFailed("there is no program 'xwininfo' on the machine")
            titles = _window_titles(output)
            if any(pattern.search(title) for title in titles):
                return True
            if last:
                self.log(f"Last chance to match {pattern.pattern} on the window list,")
                seen = "no window" if status == 0 else f"nothing: xwininfo ended with {status}"
                self.log(f"which currently contains: {', '.join(titles) or seen}")
            return False

        with self.nested("waiting for a window to appear"):
            self._retry(is_there, wait_limit(timeout), lambda: f"the windows were: {titles}")


def _window_titles(tree: str) -> list[str]:
    """The titles in the output of ``xwininfo -root -tree``: number, "title", ("class" ...)."""
    import re

    return re.findall(r'^\s+0x[0-9a-f]+ "(.*)": \(', tree, re.MULTILINE)


class _picture_file:
    """A picture as a file in memory, while the context lasts."""

    def __init__(self, picture: bytes) -> None:
        self._file = open(os.memfd_create("screen", os.MFD_CLOEXEC), "wb")
        self._file.write(picture)
        self._file.flush()

    def __enter__(self) -> Path:
        from pathlib import Path

        return Path(f"/proc/self/fd/{self._file.fileno()}")

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _TextWatch:
    """Looks for text on the screen repeatedly, and remembers what it has seen."""

    def __init__(self, machine: ScreenMixin, pattern: re.Pattern[str]) -> None:
        self._machine = machine
        self._pattern = pattern
        self._picture = b""
        self._texts: list[str] = []
        # Digests of pictures without a match. The last one is not enough, because a cursor blinks.
        self._in_vain: set[bytes] = set()

    def look(self, _last: bool) -> bool:
        """Whether the screen shows the text now. A picture that was read in all ways is not read
        again."""
        import hashlib
        from contextlib import closing

        from test_driver.screen import ocr

        self._picture = self._machine._screen()
        digest = hashlib.blake2b(self._picture).digest()
        if digest in self._in_vain:
            return False
        ways = ocr.ways()
        texts: list[str] = []
        with _picture_file(self._picture) as path:
            with closing(ocr.read(path, ways, READING_LIMIT)) as readings:
                for _, text in readings:
                    if self._pattern.search(text):
                        return True
                    texts.append(text)
        self._texts = texts or self._texts
        if len(texts) == len(ways):
            self._in_vain.add(digest)
        return False

    def last_text(self) -> str:
        """What the last look has seen, for messages."""
        from test_driver.logger.failure import last_text

        return last_text("the screen", max(self._texts, key=len, default=""))

    def report(self) -> None:
        """Log the last text, and save the last picture."""
        if not self._picture:
            return
        from pathlib import Path

        self._machine.log("Last OCR attempt failed. Text was:")
        for line in max(self._texts, key=len, default="").splitlines():
            if line.strip():
                self._machine.log(line)
        path = Path(self._machine.out_dir) / f"{self._machine.name}-last-screen.png"
        try:
            self._machine._write_picture(self._picture, path)
        except (OSError, MachineError) as error:
            self._machine.log(f"The last picture could not be kept: {error}")
        else:
            self._machine.log(f"The last picture is {path}")
