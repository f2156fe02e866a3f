"""Debian containers in systemd-nspawn: alone, and on a network with a virtual machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import guest
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from containers import state_of_the_host  # noqa: E402
from harness import Command, Result, Workspace  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="containers take root")


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A workspace; checks that the test leaves nothing behind, also on the host."""
    before = state_of_the_host()
    with Workspace() as workspace:
        yield workspace
        workspace.check_nothing_is_left()
    assert state_of_the_host() == before


def configuration(
    workspace: Workspace,
    script: str,
    *vms: str,
    containers: list[str],
    wrapper: str = "",
    options: Sequence[str] = (),
) -> Path:
    """Write a configuration file in the format of nixpkgs since 26.05.

    A ``wrapper`` is a start script for containers that calls the original one, $script.
    """
    paths = guest.start_scripts(workspace.scripts, *vms, containers=containers, options=options)
    if wrapper:
        paths = [wrap(path, wrapper) if path.name.endswith("-nspawn") else path for path in paths]
    machines = {path.name.split("-")[1]: path for path in paths}
    names = {name: {"name": name, "start_script": str(path)} for name, path in machines.items()}
    is_vm = {name: machines[name].name.endswith("-vm") for name in names}
    config = {
        "vms": {name: value for name, value in names.items() if is_vm[name]},
        "containers": {name: value for name, value in names.items() if not is_vm[name]},
        "vlans": [1, 2],
        "global_timeout": guest.PATIENCE,
        "enable_ssh_backdoor": False,
        "test_script": str(workspace.test_script(script)),
    }
    return workspace.write("config.json", json.dumps(config))


def wrap(path: Path, wrapper: str) -> Path:
    wrapped = path.with_name(f"wrapped-{path.name}")
    path.rename(wrapped)
    path.write_text(f"#!/bin/bash\nscript={wrapped}\n{wrapper}\n")
    path.chmod(0o755)
    return path


def run(
    workspace: Workspace, script: str, *vms: str, containers: list[str], **options: Any
) -> guest.Result:
    config = configuration(workspace, script, *vms, containers=containers, **options)
    env = {"NTD_TEST_ID": workspace.id}
    return guest.run(guest.DRIVER, "--config", config, "-o", workspace.out, cwd=workspace.base, env=env)


LIFE = r"""
import subprocess
import threading

with subtest("it boots, and its journal is the log"):
    box.wait_for_unit("multi-user.target")
    assert box.succeed("hostname; cat /proc/1/comm") == "box\nsystemd\n"
    box.require_unit_state("systemd-journald.service")
    assert box.get_unit_info("basic.target")["ActiveState"] == "active"

with subtest("its services and users"):
    box.wait_for_unit("nginx.service")
    box.wait_for_open_port(80)
    assert box.stop_job("nginx")[0] == 0
    box.wait_for_closed_port(80)
    with t.assertRaisesRegex(AssertionError, "is inactive and there are no pending jobs"):
        box.wait_for_unit("nginx.service")
    loop = "until test -e /root/go; do sleep 0.5; done"
    kind = "--no-block --unit=slow -p Type=oneshot -p RemainAfterExit=yes"
    box.succeed(f"systemd-run {kind} /bin/sh -c '{loop}'")
    waiting = threading.Thread(target=lambda: box.wait_for_unit("slow"))
    waiting.start()
    box.wait_until_succeeds("pgrep -fx 'nc -U /run/systemd/private'", timeout=120)
    box.succeed("touch /root/go")
    waiting.join()
    box.require_unit_state("slow.service")
    box.start_job("user@1000.service")
    box.wait_for_unit("default.target", "alice")
    box.succeed("nc -lU /run/sock >&2 & su alice -c id >&2")
    box.wait_for_open_unix_socket("/run/sock")

with subtest("files, through the shared directory"):
    (driver.out_dir / "tree").mkdir()
    (driver.out_dir / "tree" / "file").write_bytes(bytes(range(256)) * 9999)
    box.copy_from_host(driver.out_dir / "tree", "/root/tree")
    box.copy_from_machine("/root/tree", "back")
    copy = box.shared_dir / "back" / "tree" / "file"
    original = (driver.out_dir / "tree" / "file").read_bytes()
    assert (driver.out_dir / "back" / "tree" / "file").read_bytes() == original == copy.read_bytes()

with subtest("a command that takes too long"):
    with t.assertRaises(subprocess.TimeoutExpired):
        box.succeed("sleep 1000", timeout=1)
    assert box.execute("pgrep -f 'sleep 100[0]'") == (1, "")

with subtest("it goes off, is started again, and keeps its files"):
    box.succeed("touch /root/kept")
    box.shutdown()
    assert not box.is_up() and box.pid is None
    box.start(allow_reboot=True)
    boot = box.succeed("cat /proc/sys/kernel/random/boot_id; ls /root/kept")

with subtest("it reboots"):
    with t.assertRaisesRegex(BrokenPipeError, "exited with status 133 while running the command"):
        box.succeed("systemctl reboot; sleep 1000")
    assert box.succeed("cat /proc/sys/kernel/random/boot_id; ls /root/kept") != boot
    box.shutdown()
    box.start()
    with t.assertRaisesRegex(BrokenPipeError, "exited with status 0 while running the command"):
        box.succeed("poweroff; sleep 1000")
    box.wait_for_shutdown()

with subtest("what it says last is not lost"):
    box.succeed("logger famous last words")
"""


def test_life_of_a_container(workspace: Workspace) -> None:
    result = run(workspace, LIFE, containers=["box:1:nginx.service"])
    assert result.returncode == 0, str(result)
    assert "Reached target multi-user.target" in result.log
    assert "famous last words" in result.log


FIRST_COMMAND = """
assert "No jobs" in box.succeed("systemctl list-jobs")
init = box.get_systemd_process
assert box.succeed("cat /proc/1/comm") == "systemd\\n" == open(f"/proc/{init}/comm").read()
"""

REEXEC = """
for _ in range(15):  # each says READY=1, and a socket that nobody reads takes ten messages
    box.succeed("systemctl daemon-reexec", timeout=300)
"""


def test_container_that_says_when_it_has_booted(workspace: Workspace) -> None:
    result = run(workspace, FIRST_COMMAND + REEXEC, containers=["box:1:nginx.service"])
    assert result.returncode == 0, str(result)


def test_start_script_of_earlier_releases(workspace: Workspace) -> None:
    """The start script sets no NOTIFY_SOCKET for systemd-nspawn, but prints a line with its PID."""
    script = "box.wait_for_unit('multi-user.target')" + FIRST_COMMAND
    wrapper = "exec env --unset=NOTIFY_SOCKET $script"
    result = run(workspace, script, containers=["box"], wrapper=wrapper)
    assert result.returncode == 0, str(result)


USERS_OF_ITS_OWN = """
assert box.succeed("cat /proc/self/uid_map").split() == ["0", "1048576", "65536"]
assert box.succeed("stat -c %u /etc/passwd /root; id -u") == "0\\n" * 3
box.require_unit_state("nginx.service")
(driver.out_dir / "file").write_text("text")
box.copy_from_host_via_shell(driver.out_dir / "file", "/root/copied")
box.copy_from_machine("/root/copied", "back")
assert (driver.out_dir / "back" / "copied").read_text() == "text"
box.shutdown()
"""


def test_container_with_users_of_its_own(workspace: Workspace) -> None:
    """Without a network: with --private-users, systemd-nspawn cannot join an existing one."""
    wrapper = "exec $script --private-users=1048576:65536 --private-users-ownership=chown"
    script = FIRST_COMMAND + USERS_OF_ITS_OWN
    result = run(workspace, script, containers=["box:-:nginx.service"], wrapper=wrapper)
    assert result.returncode == 0, str(result)


SH_IS_BASH = """
box.succeed("cp /bin/bash /bin/another && ln -sf another /bin/sh && rm /bin/bash")
assert box.succeed("shopt -o posix; shopt -o pipefail; echo $USER $HOME $DISPLAY").split() == (
    "posix on pipefail on root /root :0.0".split()
)
assert box.execute("x=$(false; echo reached); echo $x")[0] == 1
box.succeed("echo 'SEEN=\\"$USER $HOME $DISPLAY\\"' >>/etc/profile")
assert box.succeed("echo $SEEN") == "root /root :0.0\\n"
"""


def test_commands_where_sh_is_bash(workspace: Workspace) -> None:
    """As in NixOS, /bin/sh of the container is bash."""
    result = run(workspace, SH_IS_BASH, containers=["box:-"])
    assert result.returncode == 0, str(result)


LOOK_AT_THE_END = """
trap 'kill $!' TERM
$script &
wait; wait
{ ip -o link; ls /run/netns; } >"$RUN_NSPAWN_SHARED_DIR/left"
"""


def test_start_script_takes_down_what_it_has_made(workspace: Workspace) -> None:
    script = "box.succeed('ip link show eth2')"
    result = run(workspace, script, containers=["box:1,2"], wrapper=LOOK_AT_THE_END)
    assert result.returncode == 0, str(result)
    left = (workspace.base / "shared-xchg" / "left").read_text()
    devices = re.findall(r"^\d+: ([^:@]+)", left, re.MULTILINE)
    assert set(devices) == {"lo", "vde-tap1", "vde-tap2"}, left
    assert "box" not in left.splitlines(), left


NEIGHBOURS = """
start_all()
for name in ("one", "both"):
    one.succeed(f"ping -c 1 -4 {name}; ping -c 1 -6 {name}")
two.succeed("ping -c 1 192.168.2.1")
both.succeed("ping -c 1 two")
two.fail("ping -c 1 -W 1 one")
assert both.succeed("ip -o link").count(": eth") == 2
"""


def test_containers_on_two_networks(workspace: Workspace) -> None:
    result = run(workspace, NEIGHBOURS, containers=["both:1,2", "one:1", "two:2"])
    assert result.returncode == 0, str(result)


MIXED = r"""
import re

start_all()
box.succeed("nc -l 4711 >/root/heard 2>&1 &")
vm.wait_for_unit("nginx.service")
for machine, other in ((box, "vm"), (vm, "box")):
    machine.succeed(f"ping -c 1 -4 {other}; ping -c 1 -6 {other}")
assert "Welcome to nginx" in box.succeed("curl --fail http://vm/")
vm.succeed("head -c 3000000 /dev/zero | nc -N box 4711")
box.wait_until_succeeds("[ $(stat -c %s /root/heard) = 3000000 ]")

with vlan1.capture("echo.pcap"):
    box.succeed("ping -c 1 -4 vm")

vlan1.impair(loss=1)
for machine, other in ((box, "vm"), (vm, "box")):
    machine.fail(f"ping -c 3 -i 0.2 -W 1 -4 {other}")
vlan1.impair(delay=0.3)
for machine, other in ((box, "vm"), (vm, "box")):
    time = re.search(r"time=(\d+)", machine.succeed(f"ping -c 1 -W 20 -4 {other}"))
    assert time and 600 <= int(time[1]) < 10000, time
vlan1.impair(loss=0.05, delay=0.01)
assert "Welcome to nginx" in box.succeed("curl --fail http://vm/")
vlan1.impair()
box.succeed("ping -c 3 -i 0.2 -W 20 -4 vm | grep ' 0% packet loss'")

for pulled, other in ((box, vm), (vm, box)):
    vlan1.disconnect(pulled)
    other.fail(f"ping -c 1 -W 1 -4 {pulled.name}")
    vlan1.reconnect(pulled)
    other.wait_until_succeeds(f"ping -c 1 -W 1 -4 {pulled.name}")
with t.assertRaisesRegex(Exception, "machine 'vm' is not on vlan 2"):
    vlan2.disconnect(vm)
with t.assertRaisesRegex(Exception, "machine 'box' is not on vlan 2"):
    vlan2.disconnect(box)
"""


def test_container_and_virtual_machine_reach_each_other(workspace: Workspace) -> None:
    result = run(workspace, MIXED, "vm:1:nginx.service", containers=["box"])
    assert result.returncode == 0, str(result)
    fields = ["-T", "fields", "-e", "ip.src", "-e", "ip.dst", "-e", "icmp.type"]
    command = ["tshark", "-r", str(workspace.out / "echo.pcap"), "-Y", "icmp", *fields]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    request, reply = (line.split("\t") for line in shown.splitlines())
    assert request == ["192.168.1.1", "192.168.1.2", "8"]
    assert reply == ["192.168.1.2", "192.168.1.1", "0"]


# ------------------------------------------------------------------------------ displays

# Stand-ins for x11vnc and a viewer that do what the driver relies on.
SERVER = """#!/bin/bash
echo "server: $*" >&2
while [ "$1" != -unixsock ]; do shift; done
echo "RFB of a screen" | exec nc -N -lU "$2"
"""
VIEWER = """#!/bin/sh
exec nc -N -U "$1" >"$SEEN" </dev/null
"""

AT_THE_PROMPT = """
box.copy_from_host({server!r}, "/usr/local/bin/vnc-server")
box.succeed("mkdir -p /tmp/.X11-unix; nc -lU /tmp/.X11-unix/X3 >&2 &")
retry(lambda _: os.path.exists({seen!r}) and "RFB" in open({seen!r}).read(), timeout=300)
box.wait_until_fails("pgrep -f '[v]nc-server'")
"""


def show_displays(
    workspace: Workspace,
    env: dict[str, str],
    lines: str = AT_THE_PROMPT,
    viewer_script: str = VIEWER,
    **settings: object,
) -> Result:
    """Run the driver at a prompt, with a container that has one display."""
    server = workspace.write("vnc-server", SERVER, 0o755)
    viewer = workspace.write("viewer", viewer_script, 0o755)
    file = configuration(workspace, "", containers=["box"])
    config = json.loads(file.read_text())
    config["containers"]["box"]["display_targets"] = [{"backend": "x11", "display": ":3"}]
    exporter = {"kind": "x11-vnc", "server": "/usr/local/bin/vnc-server", "relay": "/unused"}
    config["containers"]["box"]["display_exporters"] = {"x11": exporter}
    config["display_viewers"] = {"vnc": {"kind": "vnc", "executable": str(viewer)}}
    file.write_text(json.dumps(config | settings))
    seen = str(workspace.root / "seen")
    lines = lines.format(server=str(server), seen=seen) if env else "box.succeed('true')\n"
    argv = [str(guest.DRIVER), "--interactive", "--config", str(file)]
    command = Command(argv, workspace.environment({"SEEN": seen, **env}))
    return workspace.run(command, limit=guest.PATIENCE, stdin=lines)


def test_display_is_shown_to_a_person(workspace: Workspace) -> None:
    result = show_displays(workspace, {"DISPLAY": ":99"})
    result.must_say("box: its display :3 is shown (pid ")
    result.must_say("server: -display :3 -auth /root/.Xauthority -unixsock /tmp/shared/vnc-box-3")
    assert (workspace.root / "seen").read_text() == "RFB of a screen\n", str(result)


REAL_SCREEN = """
box.copy_from_host({bundle!r}, "/opt/screen")
box.succeed("ln -s /opt/screen/xkbcomp /usr/bin; ln -s /opt/screen/x11vnc /usr/local/bin/vnc-server")
box.succeed("/opt/screen/Xvfb :3 -wr -screen 0 320x200x24 -xkbdir /opt/screen/xkb >&2 &")
retry(lambda _: os.path.exists({{seen!r}}), timeout=300)
box.wait_until_fails("pgrep -f '[u]nixsock'")
"""


def bundle_programs(directory: Path, *names: str) -> None:
    """Copy programs of the host and their libraries, for use in another distribution."""
    (directory / "lib").mkdir(parents=True)
    for name in names:
        program = shutil.which(name)
        assert program, f"there is no {name}"
        shutil.copy(program, directory / "lib")
        needed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        libraries = re.findall(r"(/\S+) \(0x", needed)
        for library in libraries:
            shutil.copy(library, directory / "lib")
        loader = next(Path(path).name for path in libraries if "/ld-" in path)
        at = "/opt/screen/lib"
        lines = f'#!/bin/sh\nexec {at}/{loader} --library-path {at} {at}/{name} "$@"\n'
        (directory / name).write_text(lines)
        (directory / name).chmod(0o755)


def test_display_of_a_real_screen(workspace: Workspace) -> None:
    bundle = workspace.base / "screen"
    bundle_programs(bundle, "Xvfb", "xkbcomp", "x11vnc")
    shutil.copytree("/usr/share/X11/xkb", bundle / "xkb")
    lines = REAL_SCREEN.format(bundle=str(bundle))
    rfb = Path(__file__).with_name("rfb_viewer.py").read_text()
    result = show_displays(workspace, {"DISPLAY": ":99"}, lines, rfb)
    result.must_say("box: its display :3 is shown (pid ")
    seen = json.loads((workspace.root / "seen").read_text())
    assert (seen["name"], seen["width"], seen["height"]) == ("box (nspawn)", 320, 200)
    assert seen["white"] > 0.95, "Xvfb -wr has a white background"


SCREEN = r"""
box.copy_from_host({bundle!r}, "/opt/screen")
box.succeed("ln -s /opt/screen/xwd /opt/screen/xdotool /usr/bin; systemctl start user@0.service")
box.succeed(
    "systemd-run -E HOME=/root -E USER=root -E XDG_RUNTIME_DIR=/run/user/0 xinit"
    " /usr/local/lib/ntd/session"
    " -- /opt/screen/Xvfb :0 -screen 0 1024x768x24 -xkbdir /opt/screen/xkb"
)
box.wait_for_x()
box.wait_for_window("xterm")
assert "xterm" in box.get_window_names()

with subtest("all keys of a US keyboard, and others"):
    box.send_chars("cat >/tmp/typed\n")
    box.wait_until_succeeds("pgrep -x cat")
    letters = "azAZ09`~!@#$%^&*()-_=+[]{{}}\\|;:'\",<.>/?"
    box.send_chars(letters + "äß€\n")
    box.send_key("ctrl-d")
    box.wait_until_fails("pgrep -x cat")
    typed = box.succeed("cat /tmp/typed")
    assert typed == letters + "äß€\n", typed

with subtest("its text can be read"):
    box.send_chars("clear; echo Hello, $((6 * 7)) worlds\n")
    box.wait_for_text("Hello, 42 worlds")
    assert "42 worlds" in box.get_screen_text()
    assert any("42 worlds" in text for text in box.get_screen_text_variants())
    box.screenshot("screen")
"""


def test_screen_of_a_container(workspace: Workspace) -> None:
    bundle = workspace.base / "screen"
    bundle_programs(bundle, "Xvfb", "xwd", "xdotool")
    shutil.copytree("/usr/share/X11/xkb", bundle / "xkb")
    script = SCREEN.format(bundle=str(bundle))
    result = run(workspace, script, containers=["box:-"], options=["--desktop"])
    assert result.returncode == 0, str(result)
    look = ["convert", workspace.out / "screen.png", "-format", "%w %h %k %[fx:mean]", "info:"]
    shown = subprocess.run(look, capture_output=True, text=True, check=True).stdout.split()
    assert shown[:2] == ["1024", "768"] and int(shown[2]) > 2, shown
    assert 0.8 < float(shown[3]) < 0.9, "a white terminal, black letters, and black below"


def test_display_that_cannot_be_shown(workspace: Workspace) -> None:
    result = show_displays(workspace, {}, display_viewers={})
    result.must_say("box: its display :3 is not shown: display_viewers has none for vnc")


def test_display_without_one_here(workspace: Workspace) -> None:
    result = show_displays(workspace, {})
    result.must_say("its display :3 is not shown: there is no display here")


def test_driver_that_is_killed_leaves_no_container(workspace: Workspace) -> None:
    script = "box.succeed('systemd-run sleep 1000')\nbox.succeed('echo up >&2; sleep 1000')"
    config = configuration(workspace, script, containers=["box"])
    command = workspace.command(script)
    command.argv[1:] = ["--config", str(config)]
    driver = workspace.spawn(command)
    driver.expect("box # up", guest.PATIENCE)
    driver.signal(signal.SIGKILL)
    driver.end()
    workspace.wait_until_no_process(30)
