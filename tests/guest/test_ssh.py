"""A guest with a vsock: SSH logins from the host without a network, and the driver's commands."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import guest
import pytest

# The SSH configuration of systemd 256 and later on the host, with our program as the proxy.
SSH_CONFIG = f"""Host vsock-mux/*
    ProxyCommand {guest.DRIVER} --ssh-proxy %h
    ProxyUseFdpass yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
"""

# Connects from one guest to a port of another one, as an unprivileged user, and sends a command.
# Prints the first bytes of the answer, or why the connection failed.
KNOCK = r"""
KNOCK = '''
setpriv --reuid 65534 --clear-groups perl -e 'alarm 60;
    socket(S, 40, 1, 0) and connect(S, pack("SSLLCx3", 40, 0, @ARGV, 0)) or die "no connection\n";
    syswrite(S, "touch /root/was-here\n"); sysread(S, $said, 4096); print "said: $said\n"' '''


def knock(guest, port, cid):
    return guest.execute(KNOCK + f"{port} {cid} 2>&1")[1]


def cid_of(guest):
    return int(guest.vsock_host.name.partition("_")[0])
"""

SCRIPT = KNOCK + """
import shlex
import subprocess
import threading
import time

ssh, *options = shlex.split(machine.ssh_backdoor_command())


def log_in(command):
    run = subprocess.run([ssh, "-F", "ssh_config", *options, command], timeout=120, text=True,
                         stdin=subprocess.DEVNULL, capture_output=True)
    log.info(f"answer: {run.returncode}, {len(run.stdout)} bytes, {run.stderr!r}")
    return run.returncode, run.stdout


def check_logins():
    machine.succeed("for card in /sys/class/net/*; do ip link set ${card##*/} down; done")
    assert log_in("cat /etc/hostname; id -u; exit 3") == (3, "machine\\n0\\n")
    assert log_in("head -c 3000000 /dev/zero | tr '\\\\0' x | cat") == (0, "x" * 3000000)


def connections():
    listed = machine.succeed("systemctl list-units --plain --no-legend 'vsock-backdoor@*'")
    return len(listed.splitlines())


other.start()
machine.wait_for_unit("ssh-access.target")
with subtest("logins"):
    check_logins()
    assert machine.succeed("pgrep --count -x sshd || true") == "0\\n", "no server but on the vsock"
with subtest("guests do not reach each other"):
    other.wait_for_unit("ssh-access.target")
    assert (cid_of(machine), cid_of(other)) == (3, 4)
    assert knock(machine, 51400, 4) == knock(other, 51400, 3) == "no connection\\n"
    assert knock(machine, 22, 4) == "no connection\\n"
    other.succeed("true")
    other.crash()
machine.crash()
machine.start(allow_reboot=True)
with subtest("logins after another start"):
    machine.wait_for_unit("ssh-access.target")
    check_logins()

with subtest("commands at the same time"):
    assert connections() == 1
    waits = "until [ -e flag ]; do sleep 0.1; done"
    threads = [threading.Thread(target=machine.succeed, args=[waits]) for _ in range(3)]
    for thread in threads:
        thread.start()
    machine.succeed("touch flag")
    for thread in threads:
        thread.join()
    assert 1 < connections() <= 4

with subtest("a killed shell costs nothing, and a background process does not go with it"):
    machine.succeed("sleep 1000 >&2 & echo $! >pid")
    with t.assertRaises(Exception) as raised:
        machine.succeed("pkill -KILL bash")
    assert "the guest's root shell has ended while running" in str(raised.exception)
    assert machine.succeed("cat /proc/$(cat pid)/comm") == "sleep\\n"
    assert machine.succeed("systemctl list-units --failed --plain --no-legend 'vsock-backdoor@*'") == ""

with subtest("a reset"):
    errors = []

    def be_interrupted(number):
        try:
            machine.succeed(f"touch running-{number}; sleep 1000")
        except Exception as error:
            errors.append(str(error))

    threads = [threading.Thread(target=be_interrupted, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    machine.wait_for_file("running-0")
    machine.wait_for_file("running-1")
    machine.send_monitor_command("system_reset")
    for thread in threads:
        thread.join()
    assert len(errors) == 2 and all("the guest was reset while" in error for error in errors), errors
    # Over the virtconsole if vhost-device-vsock, whose connections were cut off, does not answer any more.
    log.info(f"connections after the reset: {connections()}")

with subtest("a guest that does not listen any more"):
    machine.succeed("systemctl stop vsock-backdoor.socket")
    thread = threading.Thread(target=machine.succeed, args=["until [ -e over ]; do sleep 0.1; done"])
    thread.start()
    machine.succeed("touch over")  # one of the two goes over the virtconsole
    thread.join()
    assert connections() <= 1
"""


SIBLINGS = KNOCK + """
start_all()
for guest in machines:
    guest.wait_for_unit("ssh-access.target")
    assert guest.succeed("echo up") == "up\\n"
with subtest("a guest is no host for another one's root shell"):
    assert knock(machine, 51400, cid_of(other)) == "said: \\n"
    other.wait_for_console_text("vsock-backdoor: no shell for vsock:3, only for the host")
    other.succeed("! test -e /root/was-here")
with subtest("but its SSH server is reached, as asked for"):
    assert knock(machine, 22, cid_of(other)).startswith("said: SSH-2.0-")
"""


def run(directory: Path, script: str, *options: str) -> guest.Result:
    machines = ["machine", "other"]
    specs = [f"{name}:-" for name in machines]
    start_scripts = guest.start_scripts(directory, *specs, options=["--ssh"])
    test = directory / "test.py"
    test.write_text(script)
    (directory / "ssh_config").write_text(SSH_CONFIG)
    config = directory / "config.json"
    config.write_text(json.dumps({
        "vms": {
            name: {"name": name, "start_script": str(start_script)}
            for name, start_script in zip(machines, start_scripts, strict=True)
        },
        "containers": {},
        "vlans": [],
        "global_timeout": guest.PATIENCE,
        "enable_ssh_backdoor": True,
        "test_script": str(test),
    }))
    return guest.run(guest.DRIVER, "--config", config, *options, cwd=directory)


@pytest.mark.skipif(shutil.which("vhost-device-vsock") is None, reason="no vhost-device-vsock")
def test_guest_with_a_vsock(tmp_path: Path) -> None:
    result = run(tmp_path, SCRIPT)
    assert result.returncode == 0, str(result)
    assert re.search(r"^ +machine:  ssh -o User=root vsock-mux//\S+$", result.log, re.MULTILINE)
    assert not list(tmp_path.glob("ntd-*")), "the sockets' directory is left"


@pytest.mark.skipif(shutil.which("vhost-device-vsock") is None, reason="no vhost-device-vsock")
def test_guests_that_reach_each_other(tmp_path: Path) -> None:
    result = run(tmp_path, SIBLINGS, "--vsock-siblings")
    assert result.returncode == 0, str(result)
