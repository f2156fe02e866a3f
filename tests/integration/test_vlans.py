"""VLANs: switches that fail, captures, cables, and impairments."""

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


def test_dead_switch_does_not_hinder_the_end(spawn_driver: SpawnDriver, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"""
import time
while not os.path.exists({str(go)!r}):
    time.sleep(0.01)
web.succeed("true")
vlan1.stop()
"""
    driver = spawn_driver(script, vlans=[1])
    pid = int(driver.expect(r"running vlan \(pid (\d+)")[1])
    os.kill(pid, signal.SIGTERM)
    driver.expect("exited with status 0")
    go.touch()
    assert driver.end() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="containers take root")
def test_without_a_device_for_containers_there_is_a_warning(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    workspace.write("vde_plug2tap", "#!/bin/sh\necho no tap for you >&2; exit 7\n", 0o755)
    env = {"PATH": f"{workspace.scripts}:{os.environ['PATH']}"}
    containers = {"box": start_script(workspace, "box")}
    result = run_driver("box.succeed('true')", vlans=[1], containers=containers, env=env)
    result.must_succeed().must_say("vde_plug2tap (pid", "exited with status 7", "no tap for you")


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
    """The text in each frame of a capture, decoded by tshark."""
    fields = ["-T", "fields", "-e", "frame.protocols", "-e", "data.data"]
    command = ["tshark", "-r", str(path), *fields]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    frames = [line.split("\t") for line in ended.stdout.splitlines()]
    assert all(protocols == "eth:ethertype:data" for protocols, _ in frames), ended.stdout
    return [bytes.fromhex(data).rstrip(b".\0").decode() for _, data in frames]


FIND_PROGRAM = """
    import os, pathlib, select, signal

    def pid_of(program):
        children = pathlib.Path(f"/proc/{os.getpid()}/task").glob("*/children")
        pids = [pid for each in children for pid in each.read_text().split()]
        return next(int(pid) for pid in pids if open(f"/proc/{pid}/comm").read() == f"{program}\\n")

    def kill(program):
        process = os.pidfd_open(pid_of(program))
        signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [])
"""


def test_end_of_a_capture_is_told_at_once(spawn_driver: SpawnDriver) -> None:
    script = """
    capture = vlan1.capture("some.pcap")
    print("plug", pid_of("vde_plug"), flush=True)
    import time
    time.sleep(1000)
    """
    driver = spawn_driver(FIND_PROGRAM + script, vlans=[1])
    os.kill(int(driver.expect(r"plug (\d+)")[1]), signal.SIGKILL)
    driver.expect(r"the vde_plug for '.*/some.pcap' \(pid \d+\) was killed by signal 9")
    driver.signal(signal.SIGTERM)
    driver.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="containers take root")
def test_end_of_the_device_for_containers_is_told_at_once(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    script = """
    box.connect()
    print("plug", pid_of("vde_plug2tap"), flush=True)
    import time
    time.sleep(1000)
    """
    containers = {"box": start_script(workspace, "box")}
    driver = spawn_driver(FIND_PROGRAM + script, vlans=[1], containers=containers)
    os.kill(int(driver.expect(r"plug (\d+)")[1]), signal.SIGKILL)
    driver.expect(r"vlan 1: vde_plug2tap \(pid \d+\) was killed by signal 9")
    driver.signal(signal.SIGTERM)
    driver.end()


@pytest.mark.parametrize("end", ["capture.stop()", "capture.__exit__(None, None, None)"])
def test_capture_that_has_not_all_is_an_error(run_driver: RunDriver, end: str) -> None:
    script = f"""
    capture = vlan1.capture("some.pcap")
    kill("vde_plug")
    {end}
    """
    result = run_driver(FIND_PROGRAM + script, vlans=[1]).must_fail()
    result.must_blame("some.pcap' does not have all", "was killed by signal 9")


def test_captures_leave_no_descriptor_open(run_driver: RunDriver) -> None:
    script = """
    import os
    vlan1.capture("first.pcap").stop()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(5):
        vlan1.capture(f"{number}.pcap").stop()
        with vlan1.capture("more.pcap"):
            vlan1.impair(loss=0.5)
            vlan1.impair()
    assert len(os.listdir("/proc/self/fd")) == before
    """
    run_driver(script, vlans=[1]).must_succeed()


def test_impairment_that_ends_before_its_capture(run_driver: RunDriver) -> None:
    script = """
    capture = vlan1.capture("all.pcap")
    vlan1.impair(loss=0.5)
    vlan1.impair()
    capture.stop()
    """
    run_driver(script, vlans=[1]).must_succeed().must_not_say("vde_plug")


def test_capture_begins_while_the_last_ones_end_is_unnoticed(run_driver: RunDriver) -> None:
    script = """
    import os, signal, threading
    with vlan1.capture("first.pcap"):
        os.kill(vlan1.pid, signal.SIGSTOP)
    threading.Timer(0.5, os.kill, [vlan1.pid, signal.SIGCONT]).start()
    with vlan1.capture("second.pcap"):
        pass
    """
    run_driver(script, {}, vlans=[1]).must_succeed()


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


# ----------------------------------------------------------------- what QEMU refuses to do

REFUSED = {
    "forward_port(8080, 80)": "Could not set up host forwarding rule 'tcp::8080-:80'",
    "forward_port(70000, 80)": "(Bad host port)",
    "block()": "Device 'virtio-net-pci.1' not found",
    "unblock()": "Device 'virtio-net-pci.1' not found",
}


@pytest.mark.parametrize("call", REFUSED)
def test_refusal_of_qemu_is_an_error(run_driver: RunDriver, call: str) -> None:
    user_network = "-netdev user,id=user.0 -device virtio-net-pci,netdev=user.0"
    script = f"web.start()\nweb.forward_port(8080, 81)\nweb.{call}"
    result = run_driver(script, {"web": user_network}).must_fail()
    result.must_blame("MachineError: machine 'web': QEMU refused the monitor command", REFUSED[call])


def test_cable_that_qemu_does_not_let_go(run_driver: RunDriver) -> None:
    # Another thread may have removed the device after the driver looked up its name.
    script = 'web.start()\nweb._set_link("vlan9", False)'
    run_driver(script).must_fail("QEMU refused the monitor command 'set_link vlan9 off'")


def test_card_of_the_first_vlan_is_found_wherever_it_is(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    cards = (
        '-netdev vde,id=vlan1,sock="$QEMU_VDE_SOCKET_1" -device virtio-net-pci,netdev=vlan1 '
        "-netdev user,id=user.0 -device virtio-net-pci,netdev=user.0"
    )
    script = """
        sent = []
        class Watched(QemuMachine):
            def send_monitor_command(self, command):
                sent.append(command)
                return super().send_monitor_command(command)
        watched = Watched(web.out_dir, web.tmp_dir, web.start_command, name="watched")
        driver.machines_qemu.append(watched)
        watched.start()
        watched.block()
        watched.unblock()
        vlan1.disconnect(watched)
        assert sent == [
            "set_link virtio-net-pci.0 off",
            "set_link virtio-net-pci.0 on",
            "set_link vlan1 off",
        ], sent
    """
    run_driver(script, {"web": cards}, vlans=[1]).must_succeed()


# ------------------------------------------------------------------------------- impairments

# Stations on the network that are not machines. They report each frame received as "text@time".
ENDS = """
    import os, select, signal, struct, subprocess, time

    class End:
        def __init__(self, number):
            self.address = bytes([2, 0, 0, 0, 0, number])
            self.plug = subprocess.Popen(["vde_plug", str(vlan1.socket_dir)],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.bytes = b""

        def send(self, text, to=b"\\xff" * 6):
            frame = to + self.address + b"\\x88\\xb5" + text.encode().ljust(46, b".")
            os.write(self.plug.stdin.fileno(), struct.pack(">H", len(frame)) + frame)

        def receive(self, wait=10.0):
            # The next text, or None.
            deadline = time.monotonic() + wait
            while len(self.bytes) < 62:
                left = max(0, deadline - time.monotonic())
                if not select.select([self.plug.stdout], [], [], left)[0]:
                    return None
                self.bytes += os.read(self.plug.stdout.fileno(), 65536)
            frame, self.bytes = self.bytes[2:62], self.bytes[62:]
            return frame[14:].rstrip(b".\\0").decode()

        def end(self):
            self.plug.kill()
            self.plug.wait()

    def connect(*ends):
        for end in ends:
            for other in ends:
                while other is not end and other.receive(0.1) is None:
                    end.send("hello")
        for end in ends:
            while end.receive(0.3):
                pass

    def wait_until_in(capture, text):
        # The plug of a capture is one more process that a frame has to reach.
        deadline = time.monotonic() + 20
        while text.encode() not in capture.path.read_bytes():
            assert time.monotonic() < deadline, f"{text} is not in the file"
            time.sleep(0.02)

    def filters():
        listed = subprocess.run(["pgrep", "-P", str(os.getpid()), "-x", "wirefilter"],
                                capture_output=True, text=True)
        return [int(pid) for pid in listed.stdout.split()]
"""


def test_capture_has_what_is_under_way_when_it_ends(run_driver: RunDriver) -> None:
    script = ENDS + """
    a, b = End(1), End(2)
    connect(a, b)
    for number in range(5):
        with vlan1.capture(f"{number}.pcap") as capture:
            command = ["pgrep", "-n", "-P", str(os.getpid()), "-x", "vde_plug"]
            plug = int(subprocess.run(command, capture_output=True).stdout)
            os.kill(plug, signal.SIGSTOP)  # as one that has no processor
            a.send("the last")
            assert b.receive() == "the last"
            os.kill(plug, signal.SIGCONT)
        assert b"the last" in capture.path.read_bytes(), number
    """
    run_driver(script, machines={}, vlans=[1]).must_succeed()


def test_loss_and_delay(run_driver: RunDriver, workspace: Workspace) -> None:
    script = ENDS + """
    a, b, c = End(1), End(2), End(3)
    connect(a, b, c)

    vlan1.impair(loss=1)
    a.send("all is lost")
    assert b.receive(0.5) is None and c.receive(0.1) is None

    vlan1.impair(delay=0.2)
    for sender, to in ((a, b), (b, a)):
        for address in (b"\\xff" * 6, to.address):
            sent = time.monotonic()
            sender.send("late", address)
            assert to.receive() == "late"
            passed = time.monotonic() - sent
            assert 0.2 <= passed < 10, passed
            assert sender.receive(0.05) is None, "frames do not come back"

    capture = vlan1.capture("all.pcap")
    vlan1.impair()
    a.send("before", b.address)
    assert b.receive() == "before"
    vlan1.impair(loss=0.5)
    for number in range(200):
        a.send(str(number))
        if number % 4 == 3:
            time.sleep(0.01)
    arrived = []
    while (text := b.receive(2)) is not None:
        arrived.append(int(text))
    assert arrived == sorted(set(arrived)), arrived
    assert 50 < len(arrived) < 150, len(arrived)
    log.log(f"{len(arrived)} have arrived")

    assert len(filters()) == 3
    vlan1.impair()
    assert filters() == []
    while c.receive(0.1):
        pass
    for number in range(50):
        a.send(str(number))
        assert b.receive() == c.receive() == str(number)
    a.send("the end")
    wait_until_in(capture, "the end")
    vlan1.impair()
    vlan1.impair(0.0, 0)
    """
    result = run_driver(script, machines={}, vlans=[1, 2]).must_succeed()
    result.must_say("vlan 1: loss of 100 %, delay of 0 s")
    arrived = re.search(r"(\d+) have arrived", result.stderr)
    captured = frames_in(workspace.out / "all.pcap")
    assert arrived and len(captured) == 1 + int(arrived[1]) + 51
    assert captured[0] == "before"
    assert captured[-51:] == [*map(str, range(50)), "the end"]


def test_who_comes_later_is_impaired_too(run_driver: RunDriver, workspace: Workspace) -> None:
    script = ENDS + """
    from datetime import timedelta

    vlan1.impair(delay=timedelta(milliseconds=200))
    a, b = End(1), End(2)
    connect(a, b)
    sent = time.monotonic()
    a.send("late")
    assert b.receive() == "late"
    assert time.monotonic() - sent >= 0.2

    with vlan1.capture("impaired.pcap") as capture:
        b.send("to all")
        assert a.receive() == "to all"
        b.send("to one", a.address)
        assert a.receive() == "to one"
        wait_until_in(capture, "to one")
    b.end()
    b = End(4)
    connect(a, b)
    vlan1.impair()
    a.send("soon")
    assert b.receive() == "soon"
    vlan1.impair(loss=1)
    a.send("lost")
    assert b.receive(0.5) is None
    """
    run_driver(script, machines={}, vlans=[1]).must_succeed()
    assert frames_in(workspace.out / "impaired.pcap") == ["to all", "to one"]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("wirefilter.*1[]]:", "the wirefilter of port 1"),
     ("vde_switch.*vde1.hub", "the vde_switch behind the wirefilters for '.*'")],
)
def test_impairment_ends_with_one_of_its_processes(
    run_driver: RunDriver, pattern: str, name: str
) -> None:
    script = ENDS + f"""
    command = ["pgrep", "-P", str(os.getpid()), "-f", {pattern!r}]
""" + """
    from test_driver.errors import MachineError

    a, b = End(1), End(2)
    connect(a, b)
    vlan1.impair(loss=1)
    os.kill(int(subprocess.check_output(command)), signal.SIGKILL)
    time.sleep(2)
    log.log("next")
    try:
        vlan1.impair(loss=1, delay=0.1)
    except MachineError as error:
        log.log(f"raised: {error}")
    assert filters() == []
    a.send("not impaired any more")
    assert b.receive() == "not impaired any more"
    vlan1.impair(loss=1)
    a.send("again")
    assert b.receive(0.3) is None
    """
    result = run_driver(script, machines={}, vlans=[1]).must_succeed()
    ended = rf"vlan 1: {name} \(pid \d+\) was killed by signal 9"
    assert re.search(ended + r".*\n(.*\n)*.*next\n(.*\n)*.*raised: " + ended, result.stderr)


def test_impairment_leaves_nothing_if_the_driver_is_killed(spawn_driver: SpawnDriver) -> None:
    script = ENDS + """
    web.start()
    ends = [End(1), End(2)]
    connect(*ends)
    vlan1.impair(delay=0.1)
    log.log("impaired")
    time.sleep(1000)
    """
    driver = spawn_driver(script, vlans=[1])
    driver.expect("impaired")
    driver.signal(signal.SIGKILL)
    driver.end()


def test_wirefilter_is_not_there(run_driver: RunDriver, workspace: Workspace) -> None:
    for program in ("vde_switch", "vde_plug"):
        (workspace.scripts / program).symlink_to(shutil.which(program) or "")
    env = {"PATH": str(workspace.scripts)}
    script = ENDS + """
    a, b = End(1), End(2)
    connect(a, b)
    try:
        vlan1.impair(loss=1)
    finally:
        a.send("still a hub")
        assert b.receive() == "still a hub"
    """
    result = run_driver(script, machines={}, vlans=[1], env=env)
    result.must_fail("find the program 'wirefilter' in PATH")
    result.must_not_say("AssertionError")
