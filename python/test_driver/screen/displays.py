"""Shows the screens of containers to a user: a VNC server in the container, a viewer on the host."""

from __future__ import annotations

import os
import select
import shlex
import stat
import threading
from typing import TYPE_CHECKING

from test_driver._engine import engine
from test_driver.display import graphical_display_available

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import IO

    from test_driver import _declared
    from test_driver.config import NspawnMachineConfiguration

PAUSE = 0.2  # seconds between checks, for changes that no event announces


def show(
    machine: _declared.NspawnMachine, config: NspawnMachineConfiguration, viewers: Mapping[str, str]
) -> list[Display]:
    """Show the machine's screens as soon as they exist. For a screen that cannot be shown, the log
    says why."""
    displays = []
    viewers = {**viewers, **config.display_viewers}
    for target in config.display_targets:
        missing = _what_is_missing(target, config, viewers)
        if missing:
            machine.log(f"its display {target.display} is not shown: {missing}")
            continue
        server = config.display_servers[target.backend]
        displays.append(Display(machine, target, server, viewers["vnc"]))
    return displays


def _what_is_missing(
    target: engine.DisplayTarget, config: NspawnMachineConfiguration, viewers: Mapping[str, str]
) -> str:
    if target.backend not in config.display_servers:
        return f"display_exporters has none for {target.backend}"
    if target.backend != "x11":
        return f"displays of kind {target.backend} are not known"
    if "vnc" not in viewers:
        return "display_viewers has none for vnc"
    if not graphical_display_available():
        return "there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    return ""


class Display:
    """One screen. Its thread waits for the screen, and starts the server and the viewer."""

    def __init__(
        self,
        machine: _declared.NspawnMachine,
        target: engine.DisplayTarget,
        server: str,
        viewer: str,
    ) -> None:
        self._machine = machine
        self._target = target
        self._server = server
        self._viewer = viewer
        self._is_over = False
        self._over, self._end = os.pipe()  # readable once this display is stopped
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the viewer."""
        if self._is_over:
            return
        self._is_over = True
        os.close(self._end)
        self._thread.join()
        os.close(self._over)

    def _run(self) -> None:
        try:
            self._show()
        except Exception as error:  # the view is not part of the test
            if not self._is_over:
                self._machine.log(f"its display {self._target.display} is not shown: {error}")

    def _show(self) -> None:
        if not self._wait_for_screen():
            return
        name = f"vnc-{self._machine.name}{self._target.display.replace(':', '-')}"
        socket = self._machine.shared_dir / name
        socket.unlink(missing_ok=True)
        # x11vnc serves one viewer, then ends. It uses a socket, not a TCP port: of the host's
        # users, only ours can enter the directory. Other guests can enter it, too, and may look at
        # this screen.
        options = ["-display", self._target.display, "-auth", self._target.xauthority]
        options += ["-unixsock", f"/tmp/shared/{name}", "-rfbport", "0", "-rfbportv6", "0"]
        options += ["-nopw", "-desktop", f"{self._machine.name} (nspawn)"]
        self._machine.succeed(f"{shlex.join([self._server, *options])} >&2 &")
        try:
            changes = engine.DirectoryWatch(self._machine.shared_dir)
            while (found := _open_socket(socket)) is None:
                # No file event announces the container's end.
                if self._wait(PAUSE, changes.fd) or not self._machine.is_up():
                    return
                changes.reset()
            with found:
                self._view(f"/proc/{os.getpid()}/fd/{found.fileno()}")
        finally:
            socket.unlink(missing_ok=True)

    def _wait_for_screen(self) -> bool:
        """Wait for the X server. Returns False if the run ends first. Never starts the container."""
        number = self._target.display.partition(":")[2].partition(".")[0]
        look = f"test -S /tmp/.X11-unix/X{number}"
        while not (self._machine.is_up() and self._machine.execute(look)[0] == 0):
            if self._wait(PAUSE):
                return False
        return True

    def _wait(self, seconds: float | None, *others: int) -> bool:
        """Wait until stop(), until another of the file descriptors is readable, or for so many
        seconds. Returns whether stop() was called."""
        select.select([self._over, *others], [], [], seconds)
        return self._is_over

    def _view(self, socket: str) -> None:
        viewer = engine.Program([self._viewer, socket], new_session=True)
        self._machine.log(f"its display {self._target.display} is shown (pid {viewer.pid})")
        self._wait(None, viewer.exit_fd)
        viewer.end()


def _open_socket(path: Path) -> IO[bytes] | None:
    """Open the socket at that path as an O_PATH file. The container owns the path, and may replace it
    by a link to a socket of the host, before or after our check."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    place = os.fdopen(descriptor, "rb", buffering=0)
    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return place
    place.close()
    return None
