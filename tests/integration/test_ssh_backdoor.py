"""The SSH backdoor's sockets, with the real vhost-device-vsock and with one that fails."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import AT_ONCE, DRIVER, PATIENCE, Command, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

FAKES = Path(__file__).resolve().parents[1] / "fakes"
FAKE_FIRST = {"PATH": f"{FAKES}:{os.environ['PATH']}"}
needs_the_real_one = pytest.mark.skipif(
    shutil.which("vhost-device-vsock") is None, reason="vhost-device-vsock is not installed"
)


@pytest.fixture
def run(run_driver: RunDriver) -> RunDriver:
    """A run with the backdoor."""

    def run(script: str, *args: object, **options: object) -> Result:
        settings = {"enable_ssh_backdoor": True}
        return run_driver(script, *args, generation="json", settings=settings, **options)

    return run


# ------------------------------------------------------------------------------ sockets


@needs_the_real_one
def test_every_machine_has_sockets_and_a_command(run: RunDriver, workspace: Workspace) -> None:
    machines = {"web": f"--dump-args={workspace.root}/web", "db": ""}
    script = """
        sockets = driver.vhost_vsock.sockets
        assert sorted(sockets) == ["db", "web"]
        for machine in machines:
            assert machine.vsock_host == sockets[machine.name].host
            assert machine.vsock_guest == sockets[machine.name].guest
            assert machine.vsock_host.is_socket() and machine.vsock_guest.is_socket()
            assert machine.ssh_backdoor_command() == f"ssh -o User=root vsock-mux/{machine.vsock_host}"
            assert machine.ssh_backdoor_command(7) == "ssh -o User=root vsock/7"
        print(open(f"/proc/{driver.vhost_vsock.pid}/cmdline").read().replace(chr(0), " "))
        print(web.vsock_guest)
        web.succeed("true")
    """
    result = run(script, machines).must_succeed()
    result.must_say("SSH backdoor enabled", "    db:   ssh -o User=root vsock-mux/")
    result.must_say("    web:  ssh -o User=root vsock-mux/")
    # CIDs count from 3, in the order of the names.
    assert "vhost-device-vsock --vm guest-cid=3,socket=" in result.stdout, str(result)
    arguments = (workspace.root / "web").read_text().splitlines()
    at = arguments.index("vhost-user-vsock-pci,chardev=vsock_ssh")
    guest = next(line for line in result.stdout.splitlines() if line.endswith("/4_guest.socket"))
    expected = ["-chardev", f"socket,id=vsock_ssh,reconnect=0,path={guest}", "-device"]
    assert arguments[at - 3 : at] == expected


@needs_the_real_one
def test_machine_starts_again_and_again(run: RunDriver) -> None:
    script = """
        for _ in range(5):
            web.succeed("true")
            web.crash()
    """
    result = run(script).must_succeed()
    assert result.seconds < 4 * AT_ONCE


@needs_the_real_one
def test_base_directory_with_a_long_path(run: RunDriver, workspace: Workspace) -> None:
    base = workspace.base / ("x" * 120)
    base.mkdir()
    run('web.succeed("true")', env={"TMPDIR": str(base)}).must_succeed()


@needs_the_real_one
@pytest.mark.parametrize("name", ["a,b", "Upper", "with blank"])
def test_ssh_can_take_the_path_as_a_host_name(
    run: RunDriver, workspace: Workspace, name: str
) -> None:
    base = workspace.base / name
    base.mkdir()
    script = 'import re; assert re.fullmatch("[a-z0-9/._-]+", str(web.vsock_host))'
    run(script, env={"TMPDIR": str(base)}).must_succeed()


@needs_the_real_one
def test_nothing_without_virtual_machines(run: RunDriver) -> None:
    run("assert driver.vhost_vsock is None", {}).must_succeed()


def test_machine_of_the_script_has_none_and_a_warning(run: RunDriver, workspace: Workspace) -> None:
    start = workspace.start_script("more")
    script = f"""
        more = create_machine("{start}")
        assert more.vsock_host is None and more.vsock_guest is None
        with t.assertRaises(Exception) as raised:
            more.ssh_backdoor_command()
        assert "machine 'more' has no SSH backdoor" in str(raised.exception)
        more.succeed("true")
    """
    result = run(script, env=FAKE_FIRST).must_succeed()
    result.must_say("machine 'more' has no SSH backdoor: only machines of the configuration have one")


@needs_the_real_one
def test_driver_that_is_killed_leaves_nothing(spawn_driver: SpawnDriver) -> None:
    settings = {"enable_ssh_backdoor": True}
    driver = spawn_driver('web.succeed("true"); print("up"); import time; time.sleep(1000)',
                          generation="json", settings=settings)
    driver.expect("^up")
    driver.signal(signal.SIGKILL)
    driver.end()


# ------------------------------------------------------------------------------ failures


def test_program_is_not_there(run: RunDriver, workspace: Workspace) -> None:
    result = run("", env={"PATH": str(workspace.scripts)})
    result.must_fail("the SSH backdoor cannot be opened", "vhost-device-vsock", "PATH")
    result.must_not_say("starting vm", "Traceback")


def test_program_ends_at_once(run: RunDriver) -> None:
    result = run("", env={**FAKE_FIRST, "FAKE_VSOCK": "exit"}, vlans=[1])
    result.must_fail("the SSH backdoor cannot be opened", "exited with status 3",
                     "there are no vsocks today")
    result.must_not_say("starting vm", "start vlan", "Traceback")
    assert result.seconds < AT_ONCE


def test_program_makes_no_sockets(run: RunDriver) -> None:
    env = {**FAKE_FIRST, "FAKE_VSOCK": "hang", "NTD_START_TIMEOUT": "1"}
    run("", env=env).must_fail("did not make its sockets", "within 1 seconds")


def test_death_is_in_the_log_at_once(spawn_driver: SpawnDriver) -> None:
    script = """
        web.succeed("true")
        print("up")
        web.wait_for_console_text("never")
    """
    settings = {"enable_ssh_backdoor": True}
    driver = spawn_driver(script, generation="json", settings=settings, env=FAKE_FIRST)
    pid = int(driver.expect(r"running vsock \(pid (\d+)")[1])
    driver.expect("^up")
    os.kill(pid, signal.SIGKILL)
    driver.expect(rf"vhost-device-vsock \(pid {pid}\) was killed by signal 9", AT_ONCE)
    driver.signal(signal.SIGTERM)
    assert driver.end() == -signal.SIGTERM


def test_machine_is_not_started_without_it(run: RunDriver) -> None:
    script = """
        web.start()
        web.crash()
        web.start()
    """
    result = run(script, env={**FAKE_FIRST, "FAKE_VSOCK": "die"})
    result.must_fail("exited with status 4", "its last words were: this vsock has had enough")


# ------------------------------------------------------------------------------ --ssh-proxy


def hand_over(command: list[str], limit: float = PATIENCE) -> tuple[int, str, bytes]:
    """Return status, standard error, and what is read from the connection that the proxy passes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ended = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, timeout=limit)
        theirs.close()
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    said = b""
    for descriptor in descriptors:
        with socket.socket(fileno=descriptor) as connection:
            connection.setblocking(True)
            while more := connection.recv(4096):
                said += more
    return ended.returncode, ended.stderr.decode(), said


@pytest.mark.parametrize("prefix", ["", "vsock-mux/"])
def test_proxy_hands_the_connection_to_ssh(spawn_driver: SpawnDriver, prefix: str) -> None:
    script = "print(web.vsock_host); import time; time.sleep(1000)"
    settings = {"enable_ssh_backdoor": True}
    driver = spawn_driver(script, generation="json", settings=settings, env=FAKE_FIRST)
    path = driver.expect(r"^(/.*_host\.socket)$")[1]
    answer = hand_over([str(DRIVER), "--ssh-proxy", prefix + path])
    assert answer == (0, "", b"SSH-2.0-fake of 3")
    driver.signal(signal.SIGTERM)
    driver.end()


def test_proxy_says_what_is_wrong(workspace: Workspace) -> None:
    status, error, said = hand_over([str(DRIVER), "--ssh-proxy", "/no/such/socket"])
    assert (status, said) == (1, b"")
    assert "/no/such/socket" in error and "No such file" in error


# ------------------------------------------------------------------------------ --dump-vsocks


def with_own_dev(command: Command, workspace: Workspace, prepare: str) -> Command:
    """Run ``prepare`` and the command in a mount namespace with a private /dev."""
    layers = workspace.root / "dev"
    script = (
        f"mkdir -p {layers} && mount -t tmpfs none {layers} && mkdir {layers}/u {layers}/w && "
        f"mount -t overlay -o lowerdir=/dev,upperdir={layers}/u,workdir={layers}/w none /dev && "
        f'{prepare} && exec "$@"'
    )
    return Command(["unshare", "--mount", "sh", "-c", script, "sh", *command.argv], command.env)


@pytest.mark.skipif(os.geteuid() != 0, reason="a /dev of one's own takes root")
def test_commands_for_vsocks_of_the_kernel(workspace: Workspace) -> None:
    script = 'assert web.ssh_backdoor_command() == "ssh -o User=root vsock/12"; dump_machine_ssh()'
    command = workspace.command(script, {"web": "", "db": ""}, args=["--dump-vsocks", "10"])
    result = workspace.run(with_own_dev(command, workspace, "touch /dev/vhost-vsock"))
    result.must_succeed()
    for line in ("    db:   ssh -o User=root vsock/11", "    web:  ssh -o User=root vsock/12"):
        assert result.stderr.count(line) == 2, str(result)


@pytest.mark.skipif(os.geteuid() != 0, reason="a /dev of one's own takes root")
def test_kernel_without_vsocks_is_no_reason_not_to_run(workspace: Workspace) -> None:
    command = workspace.command("web.succeed('true')", args=["--dump-vsocks", "2"])
    result = workspace.run(with_own_dev(command, workspace, "rm -f /dev/vhost-vsock"))
    result.must_succeed().must_say("    web:  ssh -o User=root vsock/3")
