"""The SSH backdoor, under the name of the module that scripts import."""

from __future__ import annotations

from test_driver.network.vsock import VHostDeviceVsock, VsockPair

__all__ = ["VHostDeviceVsock", "VsockPair"]
