"""The SSH backdoor: logins to the machines past their networks, over virtual sockets."""

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
    """The process ``vhost-device-vsock``, which gives each machine of the configuration a vsock."""

    sockets: dict[str, VsockPair]
    """By the machine's name: ``host``, the socket for clients, ``guest``, that for QEMU, and ``cid``,
    its number."""
    pid: int
    """Number of the process."""

    def __init__(
        self, tmp_dir: str | Path, machines: list[str], siblings: bool = False
    ) -> None:
        """For machines of these names; with ``siblings`` they reach each other's as well."""
        super().__init__(machines, tmp_dir, siblings)

    def stop(self) -> None:
        """End the process, and remove its sockets."""
        super().stop()


def print_commands(machines: Sequence[BaseMachine], logger: AbstractLogger) -> None:
    """Log how a person logs in to each machine that has the backdoor."""
    commands, others = {}, {}
    for machine in machines:
        try:
            commands[machine.name] = machine.ssh_backdoor_command()
        except MachineError:  # made by the script
            continue
        if isinstance(machine, QemuMachine) and machine.vsock_host:
            others[machine.name] = _command_with_proxy(machine.name, machine.vsock_host)
    _print("SSH backdoor enabled, the machines can be accessed like this:", commands, logger)
    if others and not _ssh_knows_vsock_mux():
        reason = "Where ssh knows no vsock-mux, as here (it is a part of systemd 256), like this:"
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
    """This program does what systemd-ssh-proxy would."""
    proxy = shlex.join([os.readlink("/proc/self/exe"), "--ssh-proxy", str(socket)])
    options = (
        "User=root",
        f"ProxyCommand={proxy}",
        "ProxyUseFdpass=yes",
        "StrictHostKeyChecking=no",  # each guest has keys of its own, and a short life
        "UserKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
    )
    words = [word for option in options for word in ("-o", option)]
    return shlex.join(["ssh", *words, name])
