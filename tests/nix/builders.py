"""Two build machines on 127.0.0.1, each with its own sshd, processes and Nix store."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import nix

SSH = nix.WORK / "ssh"
UNPACKED = nix.ROOT / "build" / "unpacked" / "usr" / "sbin"  # see cmake/bootstrap.sh
SSHD = shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:{UNPACKED}") or "sshd"

SSHD_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {ssh}/host_key
AuthorizedKeysFile {ssh}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
SetEnv {environment}
"""

# The SSH client configuration for the builders; that of the host's users is not used.
CLIENT_CONFIG = """
Host {name}
    HostName 127.0.0.1
    Port {port}
    User root
    IdentityFile {ssh}/key
    IdentitiesOnly yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
    ConnectTimeout 10
"""


def make_keys() -> None:
    SSH.mkdir(exist_ok=True)
    for name in ("key", "host_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", SSH / name], check=True
        )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Builder:
    """A build machine. As a context manager, it runs during the block."""

    name: str
    features: str
    jobs: int = 2

    def __post_init__(self) -> None:
        self.root = nix.WORK / self.name  # mounted at nix.NIX inside the machine
        self.port = free_port()
        self.log = SSH / f"{self.name}.log"

    def __enter__(self) -> Builder:
        nix.configure(self.root, features=self.features)
        environment = " ".join(
            f"{name}={value}" for name, value in nix.environment().items() if name != "PATH"
        )
        config = SSH / f"{self.name}.sshd"
        config.write_text(SSHD_CONFIG.format(port=self.port, ssh=SSH, environment=environment))
        with (SSH / "config").open("a") as file:
            file.write(CLIENT_CONFIG.format(name=self.name, port=self.port, ssh=SSH))
        # A PID namespace: killing its init ends all processes at once, as if a machine fails.
        in_place = f"mount --bind {self.root} {nix.NIX} && exec {SSHD} -D -e -f {config}"
        space = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*space, "sh", "-c", in_place], stderr=log, stdin=subprocess.DEVNULL
            )
        self._wait_until_it_listens()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _wait_until_it_listens(self, limit: float = 200.0) -> None:
        deadline = time.monotonic() + limit
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"{self.name} does not run:\n{self.log.read_text()}")

    def kill(self) -> None:
        """Power off: kill all processes of the machine at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def line(self) -> str:
        """The machine's line for the setting ``builders`` in nix.conf."""
        return (
            f"ssh-ng://{self.name} x86_64-linux - {self.jobs} 1 {self.features.replace(' ', ',')}"
        )

    def built(self) -> set[str]:
        """The names of the tests that ran here, taken from their logs."""
        logs = (self.root / "log").rglob("*-vm-test-run-*.drv*")
        return {log.name.partition("-vm-test-run-")[2].partition(".drv")[0] for log in logs}


def build(
    expression: str, *builders: Builder, options: tuple[str, ...] = (), limit: float = nix.PATIENCE
) -> nix.Result:
    """Run nix-build, with all builds on the builders."""
    return nix.run(*command(expression, *builders, options=options), env=ENVIRONMENT, limit=limit)


def command(expression: str, *builders: Builder, options: tuple[str, ...] = ()) -> list[str]:
    lines = " ; ".join(builder.line for builder in builders)
    asked = ["--max-jobs", "0", "--builders", lines, *options]
    return ["nix-build", "--no-out-link", "-E", expression, *asked]


ENVIRONMENT = {"NIX_SSHOPTS": f"-F {SSH}/config"}
