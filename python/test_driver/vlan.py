"""Virtual networks, under the module name that scripts import."""

from __future__ import annotations

from test_driver.network.vlan import Capture, VLan

__all__ = ["Capture", "VLan"]
