"""Logins from the host over a vsock, past all networks: Debian 13 takes them by itself."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import guest
import pytest

# What systemd 256 and later set up for ssh on the host, through us.
SSH_CONFIG = f"""Host vsock-mux/*
    ProxyCommand {guest.DRIVER} --ssh-proxy %h
    ProxyUseFdpass yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
"""

SCRIPT = """
import shlex
import subprocess

ssh, *options = shlex.split(web.ssh_backdoor_command())


def log_in(command):
    run = subprocess.run([ssh, "-F", "ssh_config", *options, command], timeout=120, text=True,
                         stdin=subprocess.DEVNULL, capture_output=True)
    log.info(f"answer: {run}")
    return run.returncode, run.stdout


def check():
    web.succeed("for card in /sys/class/net/*; do ip link set ${card##*/} down; done")
    assert log_in("cat /etc/hostname; id -u; exit 3") == (3, "web\\n0\\n")


web.wait_for_unit("ssh-access.target")
check()
web.crash()
web.wait_for_unit("ssh-access.target")
check()
assert web.succeed("pgrep --count -x sshd || true") == "0\\n", "nothing but the vsock is listened on"
"""


@pytest.mark.skipif(shutil.which("vhost-device-vsock") is None, reason="no vhost-device-vsock")
def test_log_in_without_a_network(tmp_path: Path) -> None:
    (script,) = guest.start_scripts(tmp_path, "web:-", options=["--ssh"])
    test = tmp_path / "test.py"
    test.write_text(SCRIPT)
    (tmp_path / "ssh_config").write_text(SSH_CONFIG)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({
        "vms": {"web": {"name": "web", "start_script": str(script)}},
        "containers": {},
        "vlans": [],
        "global_timeout": guest.PATIENCE,
        "enable_ssh_backdoor": True,
        "test_script": str(test),
    }))
    result = guest.run(guest.DRIVER, "--config", config, cwd=tmp_path)
    assert result.returncode == 0, str(result)
    assert re.search(r"^ +web:  ssh -o User=root vsock-mux//\S+$", result.log, re.MULTILINE)
    assert len(re.findall("answer: .*returncode=3", result.log)) == 2, str(result)
    assert not list(tmp_path.glob("ntd-*")), "the sockets' directory is left"
