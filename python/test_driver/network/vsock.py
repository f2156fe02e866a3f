"""The SSH backdoor: log in to machines over vsocks, without a network."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from test_driver._engine import engine
from test_driver.errors import MachineError
from test_driver.machine import QemuMachine
from test_driver.process import programs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from test_driver.logger import AbstractLogger
    from test_driver.machine import BaseMachine


VsockPair = engine.VsockSockets


class VHostDeviceVsock(engine.VhostVsock):
    """The process ``vhost-device-vsock``, which provides a vsock for each configured machine."""

    sockets: dict[str, VsockPair]
    """By machine name: the sockets ``host`` (for clients) and ``guest`` (for QEMU); the ``cid``."""
    pid: int
    """The process ID."""

    def __init__(
        self, tmp_dir: str | Path, machines: list[str], siblings: bool = False
    ) -> None:
        """Start the process for these machines. With ``siblings``, guests can reach each other."""
        super().__init__(machines, tmp_dir, siblings)

    def stop(self) -> None:
        """Stop the process, and remove its sockets."""
        super().stop()


def print_commands(machines: Sequence[BaseMachine], logger: AbstractLogger) -> None:
    """Log the SSH command for each machine that has the backdoor."""
    commands, others = {}, {}
    for machine in machines:
        try:
            commands[machine.name] = machine.ssh_backdoor_command()
        except MachineError:  # the script created this machine: it has no backdoor
            continue
        if isinstance(machine, QemuMachine) and machine.vsock_host:
            others[machine.name] = _command_with_proxy(machine.name, machine.vsock_host)
    _print("SSH backdoor enabled, the machines can be accessed like this:", commands, logger)
    if others and not _ssh_knows_vsock_mux():
        reason = "If ssh does not know vsock-mux, as here (it is a part of systemd 256), like this:"
        _print(reason, others, logger)


def _print(title: str, commands: dict[str, str], logger: AbstractLogger) -> None:
    logger.info(title)
    width = max(map(len, commands), default=0) + 1
    for name, command in commands.items():
        logger.info(f"    {name + ':':{width}}  {command}")


def _ssh_knows_vsock_mux() -> bool:
    """Whether systemd-ssh-proxy(1) is part of the host's SSH configuration."""
    try:
        answer = programs.run(["ssh", "-G", "vsock-mux/socket"], limit=10)
    except (OSError, TimeoutError):
        return False
    return any(line.startswith("proxycommand ") for line in answer.output.splitlines())


def _command_with_proxy(name: str, socket: Path) -> str:
    """An SSH command with the driver itself as proxy, instead of systemd-ssh-proxy."""
    proxy = shlex.join([os.readlink("/proc/self/exe"), "--ssh-proxy", str(socket)])
    options = (
        "User=root",
        f"ProxyCommand={proxy}",
        "ProxyUseFdpass=yes",
        "StrictHostKeyChecking=no",  # guests are short-lived, and each generates its own keys
        "UserKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
    )
    words = [word for option in options for word in ("-o", option)]
    return shlex.join(["ssh", *words, name])
