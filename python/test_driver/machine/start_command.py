"""Start commands of QEMU machines as objects, from which releases before 26.05 made machines."""

from __future__ import annotations

from test_driver._engine import engine

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from pathlib import Path


class StartCommand:
    """A shell command to which the driver's arguments for QEMU are appended."""

    def __init__(self, command: str) -> None:
        self._cmd = command

    def __str__(self) -> str:
        return self._cmd

    def cmd(
        self,
        monitor_socket_path: str | Path,
        qmp_socket_path: str | Path,
        shell_socket_path: str | Path,
        allow_reboot: bool = False,
    ) -> str:
        """The whole command line, with QEMU's sockets at these paths."""
        return engine.start_command_line(
            self._cmd,
            monitor=str(monitor_socket_path),
            qmp=str(qmp_socket_path),
            shell=str(shell_socket_path),
            allow_reboot=allow_reboot,
        )


QemuStartCommand = StartCommand


class NixStartScript(StartCommand):
    """The script ``run-NAME-vm`` that Nix makes."""

    @property
    def machine_name(self) -> str:
        """NAME from ``run-NAME-vm``; ``machine`` if the script has another name."""
        return engine.machine_name(self._cmd)
