"""The configuration of a run, as the file of --config has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DisplayTarget:
    """A screen of a container."""

    backend: str
    """What kind it is: ``x11``."""
    display: str
    """Its name there, ``:0``."""
    xauthority: str
    """The file in the container that lets programs connect to it."""


class MachineConfig:
    """One machine."""

    attribute: str
    """Its key in the file: the name that the script has for it."""
    name: str
    """Its name in the log, and that of its state directory."""
    start_script: str
    """What starts it."""
    display_targets: list[DisplayTarget]
    """Of a container: its screens that are shown to a person at the prompt."""
    display_servers: dict[str, str]
    """Of a container: the program in it that shows a screen of that kind by VNC."""


class Config:
    """A whole run."""

    vms: list[MachineConfig]
    """The QEMU machines."""
    containers: list[MachineConfig]
    """The systemd-nspawn machines."""
    vlans: list[int]
    """Numbers of the networks."""
    global_timeout: float | None
    """How long the test may take, in seconds."""
    enable_ssh_backdoor: bool
    """Whether the machines can be reached by SSH, past their networks."""
    vsock_offset: int | None
    """The first number of the SSH backdoor's sockets in the kernel, of --dump-vsocks."""
    vsock_siblings: bool
    """Whether the guests reach each other's vsocks."""
    test_script: Path
    """The file with the script."""
    display_viewers: dict[str, str]
    """The program that shows a person what comes by that protocol, ``vnc``."""
