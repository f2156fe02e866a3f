"""Machines under test, and what waits for them."""

from __future__ import annotations

from test_driver.machine.base import BaseMachine
from test_driver.machine.keys import CHAR_TO_KEY
from test_driver.machine.nspawn import NspawnMachine
from test_driver.machine.qemu import QemuMachine
from test_driver.machine.waiting import retry

Machine = QemuMachine  # its name up to 25.11

__all__ = ["CHAR_TO_KEY", "BaseMachine", "Machine", "NspawnMachine", "QemuMachine", "retry"]
