"""Machines whose QEMU runs in its own session, outside of the start script's process group."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from harness import FAKE_VM, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

QEMU = f'{FAKE_VM} "$@"'

# Start scripts: one waits for its QEMU, one continues as another program, one relays the monitor
# connection, and one has a QEMU that ignores SIGTERM.
WAITED_FOR = f"setsid {QEMU}"
LEFT_ALONE = f"setsid {QEMU} &\nexec sleep 1000"
PROXIED = f"""
for word; do
    shift
    set -- "$@" "$(echo "$word" | sed s,/monitor,/other,)"
done
setsid socat UNIX-LISTEN:other UNIX-CONNECT:monitor &
until [ -S other ]; do sleep 0.01; done
setsid {QEMU} &
exec sleep 1000
"""
STUBBORN = f'setsid {FAKE_VM} --fork-helper --ignore-term "$@" &\nexec sleep 1000'
BODIES = {
    "waited_for": WAITED_FOR,
    "left_alone": LEFT_ALONE,
    "proxied": PROXIED,
    "stubborn": STUBBORN,
}

# A start script that ends while its QEMU keeps running: the driver must end that QEMU.
DAEMON = f"setsid {QEMU} &\nsleep 0.5"


def start_scripts(workspace: Workspace, body: str) -> dict[str, object]:
    return {"scripts": {"web": workspace.start_script("web", body=body)}}


def in_other_sessions(workspace: Workspace, driver: Conversation) -> list[int]:
    """The PIDs of the machine's processes outside of its process group."""
    machine = int(driver.expect(r"group (\d+)")[1])
    vms = [pid for pid, line in workspace.processes().items() if line.startswith(str(FAKE_VM))]
    return [pid for pid in vms if os.getpgid(pid) != machine]


BUSY = """
    web.connect()
    print("group", web.pid, flush=True)
    web.succeed("sleep 1000")
"""


def spawn_busy(spawn_driver: SpawnDriver, workspace: Workspace, body: str) -> Conversation:
    driver = spawn_driver(BUSY, **start_scripts(workspace, body))
    assert in_other_sessions(workspace, driver), workspace.processes()
    driver.expect("must succeed")
    return driver


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_qemu_ends_with_the_script(
    run_driver: RunDriver, workspace: Workspace, body: str
) -> None:
    run_driver("web.connect()", **start_scripts(workspace, body)).must_succeed()


def test_qemu_ends_with_its_machine(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
        import os, pathlib
        web.connect()
        vm = int(web.succeed("echo $PPID"))
        assert os.getpgid(vm) != web.pid
        web.release()
        assert not pathlib.Path(f"/proc/{vm}").exists()
    """
    run_driver(script, **start_scripts(workspace, LEFT_ALONE)).must_succeed()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_qemu_ends_with_the_driver(
    spawn_driver: SpawnDriver, workspace: Workspace, body: str, number: int
) -> None:
    driver = spawn_busy(spawn_driver, workspace, body)
    driver.signal(number)
    assert driver.end() == -number
    workspace.wait_until_no_process()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_qemu_ends_with_the_driver(
    spawn_driver: SpawnDriver, workspace: Workspace, number: int
) -> None:
    driver = spawn_driver(BUSY, **start_scripts(workspace, LEFT_ALONE))
    for pid in in_other_sessions(workspace, driver):
        os.kill(pid, signal.SIGSTOP)
    driver.signal(number)
    assert driver.end() == -number
    workspace.wait_until_no_process()


def test_qemu_ends_that_its_start_script_has_left(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    script = 'web.connect()\nweb.succeed("sleep 1000")'
    result = run_driver(script, **start_scripts(workspace, DAEMON))
    result.must_fail("exited with status 0")
