"""Switches that do not come up."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from containers import start_script
from harness import AT_ONCE, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]


def assert_ended_before_the_script(result: Result) -> None:
    result.must_not_say("run the VM test script", "Traceback")
    assert result.seconds < AT_ONCE


def test_vde_switch_is_not_there(run_driver: RunDriver, workspace: Workspace) -> None:
    env = {"PATH": str(workspace.scripts)}
    result = run_driver("", vlans=[1], env=env).must_fail("vde_switch", "PATH")
    assert_ended_before_the_script(result)


def test_vde_switch_cannot_make_its_directory(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    workspace.write("vde_switch", '#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/bin\nshift 2\n'
                    'exec vde_switch --sock /proc/no/where.ctl "$@"\n', 0o755)
    env = {"PATH": f"{workspace.scripts}:{os.environ['PATH']}"}
    result = run_driver("", vlans=[1], env=env).must_fail("vlan 1", "vde_switch")
    assert re.search("exited with status [1-9]", result.stderr), str(result)
    assert "/proc/no" in result.stderr or "directory" in result.stderr.lower()
    assert_ended_before_the_script(result)


def test_vde_switch_ends_at_once(run_driver: RunDriver, workspace: Workspace) -> None:
    workspace.write("vde_switch", "#!/bin/sh\necho no more switches today >&2; exit 9\n", 0o755)
    env = {"PATH": f"{workspace.scripts}:{os.environ['PATH']}"}
    result = run_driver("", vlans=[5], env=env)
    result.must_fail("vlan 5", "exited with status 9", "no more switches today")
    assert_ended_before_the_script(result)


def test_left_over_directory_of_a_killed_switch_is_replaced(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    old = workspace.base / "vde1.ctl"
    old.mkdir()
    (old / "ctl").touch()
    run_driver("assert vlan1.nr == 1", vlans=[1]).must_succeed()


def test_one_switch_fails_and_the_other_is_ended(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    body = (
        "#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/bin\n"
        'case "$2" in *vde2*) exit 4;; esac\nexec vde_switch "$@"\n'
    )
    workspace.write("vde_switch", body, 0o755)
    env = {"PATH": f"{workspace.scripts}:{os.environ['PATH']}"}
    result = run_driver("", vlans=[1, 2], env=env)
    result.must_fail("running vlan", "vlan 2", "exited with status 4", "kill vlan")


def test_dead_switch_does_not_hinder_the_end(
    spawn_driver: SpawnDriver
) -> None:
    driver = spawn_driver('log.log("up")\nweb.succeed("true")\nvlan1.stop()', vlans=[1])
    pid = int(driver.expect(r"running vlan \(pid (\d+)")[1])
    os.kill(pid, signal.SIGTERM)
    assert driver.end() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="containers take root")
def test_without_a_device_for_containers_there_is_a_warning(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    workspace.write("vde_plug2tap", "#!/bin/sh\necho no tap for you >&2; exit 7\n", 0o755)
    env = {"PATH": f"{workspace.scripts}:{os.environ['PATH']}"}
    containers = {"box": start_script(workspace, "box")}
    result = run_driver("box.succeed('true')", vlans=[1], containers=containers, env=env)
    result.must_succeed().must_say("vde_plug2tap exited with status 7", "no tap for you")


# ---------------------------------------------------------------------------------- captures

SEND_FRAMES = """
    import struct, subprocess, time

    def send(vlan, text):
        frame = b"\\xff" * 6 + b"\\x02\\0\\0\\0\\0\\x01" + b"\\x88\\xb5" + text.ljust(46, b".")
        plug = subprocess.Popen(["vde_plug", str(vlan.socket_dir)], stdin=subprocess.PIPE)
        plug.stdin.write(struct.pack(">H", len(frame)) + frame)
        plug.stdin.flush()
        time.sleep(0.2)
        plug.kill()
        plug.wait()
"""


def frames_in(path: Path) -> list[str]:
    """The text in each frame, as tshark reads it."""
    fields = ["-T", "fields", "-e", "frame.protocols", "-e", "data.data"]
    command = ["tshark", "-r", str(path), *fields]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    frames = [line.split("\t") for line in ended.stdout.splitlines()]
    assert all(protocols == "eth:ethertype:data" for protocols, _ in frames), ended.stdout
    return [bytes.fromhex(data).rstrip(b".\0").decode() for _, data in frames]


def test_capture_has_what_passes_while_it_runs(run_driver: RunDriver, workspace: Workspace) -> None:
    script = SEND_FRAMES + """
    send(vlan1, b"before")
    with vlan1.capture("some.pcap") as capture:
        assert capture.path == driver.out_dir / "some.pcap"
        send(vlan1, b"during")
        send(vlan2, b"elsewhere")
    send(vlan1, b"after")
    vlan1.capture("/no/such/directory/x.pcap")
    """
    result = run_driver(script, machines={}, vlans=[1, 2])
    result.must_fail("FileNotFoundError", "/no/such/directory/x.pcap")
    assert frames_in(workspace.out / "some.pcap") == ["during"]


def test_pcap_is_kept_if_the_test_fails(run_driver: RunDriver, workspace: Workspace) -> None:
    script = SEND_FRAMES + """
    send(vlan1, b"evidence")
    assert False
    """
    run_driver(script, machines={}, vlans=[1, 2], args=["--pcap"]).must_fail()
    assert frames_in(workspace.out / "vlan1.pcap") == ["evidence"]
    assert frames_in(workspace.out / "vlan2.pcap") == []


def test_pcap_is_not_kept_if_the_test_passes(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver("", machines={}, vlans=[1], args=["--pcap"]).must_succeed()
    assert list(workspace.out.iterdir()) == []


def test_pcap_is_kept_if_asked_for(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver("", machines={}, vlans=[1], args=["--keep-pcap"]).must_succeed()
    assert frames_in(workspace.out / "vlan1.pcap") == []


def test_pcap_has_all_until_the_driver_is_killed(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    script = SEND_FRAMES + """
    send(vlan1, b"evidence")
    log.log("sent")
    time.sleep(1000)
    """
    driver = spawn_driver(script, machines={}, vlans=[1], args=["--pcap"])
    driver.expect("sent")
    driver.signal(signal.SIGKILL)
    driver.end()
    assert frames_in(workspace.out / "vlan1.pcap") == ["evidence"]


def test_vde_plug_is_not_there(run_driver: RunDriver, workspace: Workspace) -> None:
    (workspace.scripts / "vde_switch").symlink_to(shutil.which("vde_switch") or "")
    env = {"PATH": str(workspace.scripts)}
    result = run_driver("", machines={}, vlans=[1], args=["--pcap"], env=env)
    result.must_fail("find the program 'vde_plug' in PATH")


def test_machine_that_is_not_on_the_network(run_driver: RunDriver) -> None:
    result = run_driver("web.start()\nvlan1.disconnect(web)", vlans=[1])
    result.must_fail("MachineError: machine 'web' is not on vlan 1")
