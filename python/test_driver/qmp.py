"""QMP (QEMU's machine protocol), under the module name of releases up to 25.05."""

from __future__ import annotations

from test_driver.machine.qmp import QMPAPIError, QMPSession

__all__ = ["QMPAPIError", "QMPSession"]
