"""Base directories, state directories and the output directory."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

WORKS = """
assert web.succeed("echo up") == "up\\n"
assert "running" in web.send_monitor_command("info status")
"""


def directory_of_length(base: Path, length: int) -> Path:
    """Create a directory below ``base`` whose path has about ``length`` bytes."""
    deep = base
    while len(str(deep)) < length:
        deep = deep / ("d" * min(50, max(1, length - len(str(deep)) - 1)))
    deep.mkdir(parents=True, exist_ok=True)
    return deep


@pytest.mark.parametrize("length", [20, 45, 60, 107, 108, 200, 1000])
def test_long_base_directory_works(
    run_driver: RunDriver, workspace: Workspace, length: int
) -> None:
    deep = directory_of_length(workspace.base, length)
    script = f"{WORKS}\nassert len(str(web.vnc_path)) <= 107"
    run_driver(script, args=["--vnc"], env={"TMPDIR": str(deep)}).must_succeed()
    assert (deep / "vm-state-web").is_dir()
    assert (deep / "shared-xchg").is_dir()


@pytest.mark.parametrize("length", [60, 90, 100, 107, 108, 200])
def test_switch_works_in_a_long_base_directory(
    run_driver: RunDriver, workspace: Workspace, length: int
) -> None:
    script = """
        import socket, stat
        ctl = os.environ["QEMU_VDE_SOCKET_1"] + "/ctl"
        assert stat.S_ISSOCK(os.stat(ctl).st_mode)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(ctl)
        assert os.path.isdir(os.environ["TMPDIR"] + "/vde1.ctl")
    """
    deep = directory_of_length(workspace.base, length)
    run_driver(script, vlans=[1], env={"TMPDIR": str(deep)}).must_succeed()


def test_base_directory_with_blanks_and_quotes(run_driver: RunDriver, workspace: Workspace) -> None:
    odd = workspace.root / "it's a \"base\" $HOME"
    odd.mkdir()
    run_driver(WORKS, vlans=[1], env={"TMPDIR": str(odd)}).must_succeed()


def test_start_script_in_an_odd_directory(workspace: Workspace) -> None:
    workspace.scripts = workspace.root / "it's a; $folder"
    workspace.scripts.mkdir()
    command = workspace.command(WORKS)
    relative = [word.replace(f"{workspace.scripts}/", "./") for word in command.argv]
    workspace.run(type(command)(relative, command.env), cwd=workspace.scripts).must_succeed()


def test_base_directory_is_the_first_variable_that_is_set(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    variables = ("XDG_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP")
    directories = {name: workspace.root / name for name in variables}
    for directory in directories.values():
        directory.mkdir()
    env: dict[str, str | None] = {name: str(path) for name, path in directories.items()}
    for name in variables:
        run_driver("pass", env=env).must_succeed()
        assert (directories[name] / "vm-state-web").is_dir(), name
        env[name] = None


def test_base_directory_may_be_a_link(run_driver: RunDriver, workspace: Workspace) -> None:
    link = workspace.root / "link"
    link.symlink_to(workspace.base)
    run_driver(WORKS, env={"TMPDIR": str(link)}).must_succeed()
    assert (workspace.base / "vm-state-web").is_dir()


# -------------------------------------------------------------------------------- state of machines


@pytest.fixture
def old_file(workspace: Workspace) -> Path:
    """A disk image from an earlier run, below the state directory."""
    state = workspace.base / "vm-state-web"
    state.mkdir(mode=0o755)
    image = state / "web.qcow2"
    image.write_text("old")
    return image


def test_old_state_is_removed(run_driver: RunDriver, old_file: Path) -> None:
    result = run_driver("web.start()").must_succeed()
    assert not old_file.exists()
    result.must_say("web: deleting VM state directory", "pass --keep-machine-state")


@pytest.mark.parametrize("flag", ["-K", "--keep-machine-state", "--keep-vm-state"])
def test_old_state_is_kept_on_request(run_driver: RunDriver, old_file: Path, flag: str) -> None:
    result = run_driver(WORKS, args=[flag]).must_succeed()
    assert old_file.read_text() == "old"
    assert old_file.parent.stat().st_mode & 0o777 == 0o700
    assert ("deprecated" in result.stderr) == (flag == "--keep-vm-state")


def test_state_survives_a_shutdown_and_a_restart(run_driver: RunDriver) -> None:
    script = """
        web.start()
        (web.state_dir / "disk").write_text("mine")
        web.shutdown()
        assert (web.state_dir / "disk").read_text() == "mine"
        web.start()
        assert (web.state_dir / "disk").read_text() == "mine"
    """
    run_driver(script).must_succeed()


def test_two_runs_one_after_the_other_in_one_place(run_driver: RunDriver) -> None:
    for _ in range(2):
        run_driver(WORKS, vlans=[1]).must_succeed()


def test_run_after_a_killed_one(run_driver: RunDriver, workspace: Workspace) -> None:
    script = 'web.connect()\nlog.log("up")\nweb.sleep(99)'
    running = workspace.spawn(workspace.command(script, vlans=[1]))
    running.expect("^up")
    running.signal(signal.SIGKILL)
    assert running.end() == -signal.SIGKILL
    workspace.wait_until_no_process()
    run_driver(WORKS, vlans=[1]).must_succeed()


def test_out_dir_is_known_to_the_script(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
        assert str(driver.out_dir) == os.environ["OUT"] and str(web.out_dir) == os.environ["OUT"]
        assert driver.out_dir.is_absolute()
    """
    run_driver(script, env={"OUT": str(workspace.out)}).must_succeed()


# -------------------------------------------------------------------------------- two runs at once

HOLDING = """
    web.succeed("true")
    (web.state_dir / "disk").write_text("precious")
    log.log("busy")
    input()
    assert (web.state_dir / "disk").read_text() == "precious"
    assert web.succeed("echo still there") == "still there\\n"
"""


@pytest.mark.parametrize(
    ("variable", "name", "vlans"),
    [
        ("TMPDIR", "vm-state-web", []),
        ("XDG_RUNTIME_DIR", "vm-state-web", []),
        ("TMPDIR", "vde1.ctl", [1]),
    ],
)
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("args", [[], ["--keep-machine-state"]])
def test_second_run_leaves_directories_of_the_first_alone(
    spawn_driver: SpawnDriver,
    run_driver: RunDriver,
    workspace: Workspace,
    variable: str,
    name: str,
    vlans: list[int],
    deep: bool,
    args: list[str],
) -> None:
    base = workspace.root / ("d" * 120 if deep else "own")
    base.mkdir()
    options: dict[str, object] = {"vlans": vlans, "env": {variable: str(base)}}
    first = spawn_driver(HOLDING, **options)
    first.expect("^busy")
    # With a VLAN, only that is shared: the machines have different names.
    machines = {"other": ""} if vlans else {"web": ""}
    second = run_driver("start_all()", machines, args=args, **options)
    second.must_fail(f"{name}' is in use by another run of the driver, process ")
    second.must_say(f"process {first.process.pid} (", f"set {variable} to another directory")
    second.must_not_say("deleting VM state directory", "starting vm")
    first.type("\n")
    assert first.end() == 0, first.seen.decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_directories_are_free_once_the_first_run_is_gone(
    spawn_driver: SpawnDriver, run_driver: RunDriver, workspace: Workspace, number: int
) -> None:
    """Even if a fork and a child of that fork are still running."""
    script = """
        import os, subprocess, time
        web.succeed("true")
        pid = os.fork()
        if pid == 0:
            os.setsid()
            for fd in range(3):
                os.close(fd)
            subprocess.run(["sleep", "1000"], close_fds=False)
        log.log(f"busy {pid}")
        time.sleep(1000)
    """
    first = spawn_driver(script)
    first.expect("^busy")
    first.signal(number)
    assert first.end() == -number
    run_driver('web.succeed("true")').must_succeed()
    workspace.kill_leftovers()


def test_machines_of_one_run_may_share_a_directory(run_driver: RunDriver) -> None:
    script = """
        one = create_machine(web.start_command, name="one")
        one.succeed("true")
        one.release()
        again = create_machine(web.start_command, name="one")
        again.succeed("true")
        again.cleanup_statedir()
    """
    run_driver(script).must_succeed()
