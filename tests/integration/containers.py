"""Stand-ins for containers, and a check that containers leave the host unchanged."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

from harness import PATIENCE, Workspace

# The body of a start script without systemd-nspawn: a process in its own namespaces, with a shell,
# but without systemd and network. It ends with its parent process.
FAKE_CONTAINER = """
echo "systemd-nspawn's PID is $$"
exec unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child sh -c '
    mount -t proc proc /proc
    hostname "${RUN_NSPAWN_ROOT_DIR##*/vm-state-}"
    echo "Welcome to NixOS 26.05"
    exec sleep infinity
'"""


def notifying(life: str) -> str:
    """The body of a start script that keeps running and sends messages to NOTIFY_SOCKET.

    ``life`` is Python code; tests/fakes/container defines the functions for it.
    """
    words = [sys.executable, str(Path(__file__).parents[1] / "fakes" / "container")]
    return f"exec {shlex.join([*words, textwrap.dedent(life)])}"


def start_script(workspace: Workspace, name: str, body: str = FAKE_CONTAINER) -> Path:
    return workspace.write(f"run-{name}-nspawn", f"#!/bin/sh\n{body}\n", 0o755)


LOOK_AT_THE_HOST = """
ip -o link | cut -d: -f2
ls /run /run/netns /run/systemd/nspawn
findmnt -rno TARGET
find /sys/fs/cgroup -name 'nixos-test-driver*'
ls -la /etc/os-release /etc/machine-id
"""


def state_of_the_host() -> str:
    ended = run_to_end(["sh", "-c", LOOK_AT_THE_HOST], dict(os.environ))
    return ended.stdout + ended.stderr


def run_to_end(argv: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, env=env, cwd="/", capture_output=True, text=True, timeout=PATIENCE, check=False
    )
