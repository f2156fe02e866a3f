"""Virtual networks, under the name of the module that scripts import."""

from __future__ import annotations

from test_driver.network.vlan import Capture, VLan

__all__ = ["Capture", "VLan"]
