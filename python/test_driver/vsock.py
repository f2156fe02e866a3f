"""The SSH backdoor, under the module name that scripts import."""

from __future__ import annotations

from test_driver.network.vsock import VHostDeviceVsock, VsockPair

__all__ = ["VHostDeviceVsock", "VsockPair"]
