"""Connect machines to VLANs and disconnect them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from test_driver.errors import MachineError
from test_driver.machine import NspawnMachine, QemuMachine
from test_driver.process import programs

if TYPE_CHECKING:
    from test_driver._engine import engine
    from test_driver.machine import BaseMachine


def set_connected(
    vlan: engine.VLan,
    machine: BaseMachine,
    connected: bool,
    containers: engine.ContainerHost | None,
) -> None:
    """See VLan.disconnect() and VLan.reconnect(). ``containers`` is the run's container host."""
    what = "connecting to" if connected else "disconnecting from"
    with machine.nested(f"{what} vlan {vlan.nr}"):
        if isinstance(machine, QemuMachine):
            cables = _set_link(vlan, machine, connected)
        elif isinstance(machine, NspawnMachine) and containers:
            cables = _set_device(vlan, machine, containers, connected)
        else:
            cables = []
    if not cables:
        raise MachineError(f"machine '{machine.name}' is not on vlan {vlan.nr}")


def _set_link(vlan: engine.VLan, machine: QemuMachine, connected: bool) -> list[str]:
    """Switch the QEMU network back ends of this VLAN on or off; return their names."""
    switch = str(vlan.socket_dir)
    cables = [name for name, socket in machine._vde_cables() if socket == switch]
    for name in cables:
        machine._set_link(name, connected)
    return cables


def _set_device(
    vlan: engine.VLan, machine: NspawnMachine, host: engine.ContainerHost, connected: bool
) -> list[str]:
    """Set the host ends of the container's veth pairs up or down; return their names.

    These are the devices in the VLAN's bridge whose peer is in the container. The container sees
    the carrier of its end go away.
    """
    inside = _ip(host, machine._init(), "link")
    ends = {link.get("link_index") for link in inside if "link_index" in link}
    bridge = f"br{vlan.nr}"
    devices = [link for link in _ip(host, None, "link") if link.get("master") == bridge]
    cables = [link["ifname"] for link in devices if link["ifindex"] in ends]
    for name in cables:
        _ip(host, None, "link", "set", name, "up" if connected else "down")
    return cables


def _ip(host: engine.ContainerHost, process: int | None, *arguments: str) -> list[Any]:
    """Run ip(8) in the network namespace of the containers' host, or in that of ``process``."""
    kinds = zip(("mount", "net"), host.namespaces, strict=False)
    enter = [f"--{kind}=/proc/{os.getpid()}/fd/{fd}" for kind, fd in kinds]
    command = ["nsenter", *enter, "--"]
    if process is not None:
        command += ["nsenter", f"--net=/proc/{process}/ns/net", "--"]
    ended = programs.run([*command, "ip", "-json", *arguments])
    if ended.status != 0:
        raise MachineError(f"`ip {' '.join(arguments)}` failed: {ended.errors.strip()}")
    return list(json.loads(ended.output or "[]"))
