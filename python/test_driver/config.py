"""The configuration of a run, as the file of --config has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class MachineConfig:
    """One machine: ``attribute`` is its key in the file, ``start_script`` what starts it."""

    attribute: str
    name: str
    start_script: str


class Config:
    """A whole run; ``global_timeout`` is in seconds."""

    vms: list[MachineConfig]
    containers: list[MachineConfig]
    vlans: list[int]
    global_timeout: float | None
    enable_ssh_backdoor: bool
    test_script: Path
