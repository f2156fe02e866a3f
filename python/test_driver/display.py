"""Whether there is somebody to show a screen to."""

from __future__ import annotations

import os


def graphical_display_available() -> bool:
    """Whether windows can be opened here."""
    return any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))
