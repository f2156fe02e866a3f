"""Vsocks of several guests: each guest can reach only the host, unless the test allows more.

tests/guest/test_ssh.py tests this with two real guests.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import PATIENCE, Result

RunDriver = Callable[..., Result]

ROOT = Path(__file__).resolve().parents[2]
FAKE_FIRST = {"PATH": f"{ROOT / 'tests' / 'fakes'}:{os.environ['PATH']}"}
LISTENERS = {
    "debian": ROOT / "examples/guest/ssh/overlay/usr/local/lib/ntd/vsock-backdoor",
    "nixos": ROOT / "nix/vsock-backdoor.nix",
}

SCRIPT = """
words = open(f"/proc/{driver.vhost_vsock.pid}/cmdline").read().split(chr(0))
for word in words:
    if word.startswith("guest-cid="):
        print("group", dict(option.split("=") for option in word.split(","))["groups"])
"""


def groups(result: Result) -> list[str]:
    """The group of each machine's vsock; guests of the same group can reach each other."""
    return re.findall(r"^group (\S+)$", result.must_succeed().stdout, re.MULTILINE)


@pytest.fixture
def run(run_driver: RunDriver) -> RunDriver:
    """Run a script with three machines that have vsocks."""

    def run(*args: str, **settings: object) -> Result:
        settings["enable_ssh_backdoor"] = True
        machines = {"a": "", "b": "", "c": ""}
        return run_driver(SCRIPT, machines, args=args, env=FAKE_FIRST, generation="json",
                          settings=settings)

    return run


def test_each_machine_has_a_group_of_its_own(run: RunDriver) -> None:
    assert len(set(groups(run()))) == 3


@pytest.mark.parametrize("way", ["option", "key"])
def test_all_are_in_one_group_on_request(run: RunDriver, way: str) -> None:
    result = run("--vsock-siblings") if way == "option" else run(vsock_siblings=True)
    found = groups(result)
    assert len(found) == 3 and len(set(found)) == 1


def test_the_key_can_say_no(run: RunDriver) -> None:
    assert len(set(groups(run(vsock_siblings=False)))) == 3


def test_the_key_says_yes_or_no(run: RunDriver) -> None:
    result = run(vsock_siblings="perhaps")
    assert result.returncode == 2, str(result)
    result.must_say("key 'vsock_siblings'", "must be true or false")


def test_the_option_works_with_the_backdoor_of_the_command_line(run_driver: RunDriver) -> None:
    machines = {"a": "", "b": ""}
    env = {**FAKE_FIRST, "FAKE_VSOCK": ""}
    alone = run_driver(SCRIPT, machines, args=["--backdoor", "vsock"], env=env)
    assert len(set(groups(alone))) == 2
    args = ["--backdoor", "vsock", "--vsock-siblings"]
    assert len(set(groups(run_driver(SCRIPT, machines, args=args, env=env)))) == 1


# ---------------------------------------------------------------------------- the guest's listener


def check_in(listener: str) -> str:
    """The part of the listener that checks the client, as a separate script."""
    text = LISTENERS[listener].read_text()
    found = re.search(r"^ *if \[\[ .*REMOTE_ADDR.*?^ *fi$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{LISTENERS[listener]} lets everybody in"
    assert found.start() < text.index("Spawning backdoor")
    return found[0].replace("''${", "${") + "\necho in"


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("peer", [None, "", "vsock:1", "vsock:3", "vsock:22", "vsock:4294967295",
                                  "2", "vsock:2:2", "1 = 1 || vsock:2", "vsock:[0-9]"])
def test_listener_refuses(listener: str, peer: str | None) -> None:
    ended = ask(listener, peer)
    assert (ended.returncode, ended.stdout) == (1, ""), ended
    assert "only for the host" in ended.stderr


@pytest.mark.parametrize("listener", LISTENERS)
def test_listener_lets_the_host_in(listener: str) -> None:
    ended = ask(listener, "vsock:2")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "in\n", "")


def ask(listener: str, peer: str | None) -> subprocess.CompletedProcess[str]:
    env = {} if peer is None else {"REMOTE_ADDR": peer}
    command = ["/bin/bash", "-c", check_in(listener)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)
