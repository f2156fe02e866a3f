"""Find out whether this process can open windows."""

from __future__ import annotations

import os


def graphical_display_available() -> bool:
    """Return whether DISPLAY or WAYLAND_DISPLAY is set."""
    return any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))
