"""The screen of a machine that has only an X server, through programs in the machine."""

from __future__ import annotations

import os
import time

from test_driver._engine import engine
from test_driver.duration import KEY_DELAY, seconds
from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.screen import ScreenMixin

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_driver.duration import Duration

PICTURE_LIMIT = 120.0  # seconds for xwd, because it waits for a stuck X server
KEYS_AT_ONCE = 50
KEYMAP_PAUSE = 0.3
LONGEST_TYPING = 60.0  # maximum seconds of pauses in one run of xdotool


class X11Mixin(ScreenMixin):
    """Methods for the X server at the machine's ``DISPLAY``, :0.0, with xwd and xdotool."""

    def _screen(self) -> bytes:
        """The picture of the root window, as PPM."""
        from test_driver.screen.xwd import MOST_BYTES, ppm_of_xwd

        with _BoundedFile(MOST_BYTES) as file:
            with engine.WaitLimit(PICTURE_LIMIT):
                try:
                    status, _ = self._transfer(b"xwd -root -silent", None, file.fileno())
                except PermissionError:
                    raise self._no_picture(f"it has more than {MOST_BYTES >> 20} MiB") from None
            if status == 127:
                raise _missing("xwd")
            if status != 0:
                raise self._no_picture(f"xwd ended with status {status}, see the log for why")
            try:
                return ppm_of_xwd(file.content())
            except ValueError as error:
                raise self._no_picture(f"that of xwd is {error}") from error

    def _no_picture(self, why: str) -> MachineError:
        return MachineError(f"machine '{self.name}': cannot take a picture of the screen: {why}")

    def send_key(self, key: str, delay: Duration | None = KEY_DELAY, log: bool = True) -> None:
        """Press a key: a character, or a name of QEMU (``ctrl-alt-delete``) or X11 (``XF86Mail``).

        ``delay`` is the time to wait afterwards. An unknown key is only a warning.
        """
        if log:
            with self.nested(f"sending key {key}"):
                self._press([key], 0)
        else:
            self._press([key], 0)
        time.sleep(seconds(delay) or 0)

    def send_chars(self, chars: str, delay: Duration | None = KEY_DELAY) -> None:
        """Type characters, with ``delay`` after each. They need not be on a US keyboard."""
        import re

        pause = seconds(delay) or 0
        with self.nested(f"sending keys {chars!r}"):
            # xdotool binds a character that has no key to a spare key while it is pressed. Programs
            # must have time to notice that.
            for part in re.findall(r"[\x00-\x7f]+|[^\x00-\x7f]+", chars):
                length = pause if part.isascii() else max(pause, KEYMAP_PAUSE)
                for some in _in_pieces(part, length):
                    self._press(some, length)

    def _press(self, keys: str | list[str], pause: float) -> None:
        import re

        from test_driver.screen.keys import x11_key_name

        names = []
        for key in keys:
            try:
                names.append(x11_key_name(key))
            except ValueError:
                self._warn_of(key)
        if not names:
            return
        command = f"xdotool key --delay {pause * 1000:.0f} {' '.join(names)} 2>&1"
        status, output = self.execute(command)
        if status == 127:
            raise _missing("xdotool")
        if status != 0:
            raise RequestedAssertionFailed(
                f"xdotool cannot press keys (exit code {status}): {output.strip()}"
            )
        for key in dict.fromkeys(re.findall(r"No such key name '(\w+)'", output)):
            self._warn_of(key)

    def _warn_of(self, key: str) -> None:
        self.logger.warning(f"{self.name}: X11 has no key {key!r}; nothing was pressed")


def _missing(program: str) -> RequestedAssertionFailed:
    return RequestedAssertionFailed(f"there is no program '{program}' on the machine")


def _in_pieces(chars: str, pause: float) -> Iterator[str]:
    """Split the characters into parts that one command can type."""
    size = max(1, min(KEYS_AT_ONCE, int(LONGEST_TYPING / pause) if pause else KEYS_AT_ONCE))
    for start in range(0, len(chars), size):
        yield chars[start : start + size]


class _BoundedFile:
    """A file in memory with a maximum size. More bytes raise PermissionError."""

    def __init__(self, most: int) -> None:
        import fcntl

        self._file = open(os.memfd_create("screen", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b")
        self._file.truncate(most)
        fcntl.fcntl(self._file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)

    def __enter__(self) -> _BoundedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fileno(self) -> int:
        return self._file.fileno()

    def content(self) -> bytes:
        """All that was written, also through duplicates of the file descriptor."""
        size = os.lseek(self.fileno(), 0, os.SEEK_CUR)
        return os.pread(self.fileno(), size, 0)
