"""Successful runs: what is started with which arguments, and what is logged in which order."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import FAKE_VM, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

HELLO = 'assert web.succeed("echo hello") == "hello\\n"'


def assert_in_order(log: str, patterns: list[str]) -> None:
    """Check that the patterns occur in this order."""
    position = 0
    for pattern in patterns:
        match = re.compile(pattern, re.MULTILINE).search(log, position)
        assert match, f"{pattern!r} is not there, or too early:\n{log}"
        position = match.end()


@pytest.mark.parametrize("generation", ["flags", "environment", "json"])
def test_every_generation_of_callers_runs_a_test(run_driver: RunDriver, generation: str) -> None:
    result = run_driver(HELLO, generation=generation, vlans=[1]).must_succeed()
    assert "additionally exposed symbols:\n" in result.stdout
    result.must_say("test script finished in")


def test_symbols_are_listed(run_driver: RunDriver) -> None:
    result = run_driver("", {"web-1": "", "2nd": ""}, vlans=[7]).must_succeed()
    names = re.findall(r"\w+", result.stdout.partition("additionally exposed symbols:")[2])
    assert {"web_1", "_nd", "vlan7", "start_all", "machines", "driver", "subtest"} <= set(names)


def test_log_tells_the_story_in_order(run_driver: RunDriver) -> None:
    result = run_driver('start_all()\nweb.succeed("true")', vlans=[1]).must_succeed()
    assert_in_order(
        result.stderr,
        [
            r"^start all VLans$",
            r"^start vlan$",
            r"^running vlan \(pid \d+; ctl /.*/vde1\.ctl\)$",
            r"^\(finished: start all VLans, in \d+\.\d\d seconds\)$",
            r"^run the VM test script$",
            r"^web: starting vm$",
            r"^web: QEMU running \(pid \d+\)$",
            r"^web: must succeed: true$",
            r"^web: waiting for the VM to finish booting$",
            r"^web: Guest shell says: b'.*Spawning backdoor root shell\.\.\.\\n'$",
            r"^web: connected to guest root shell$",
            r"^web: \(connecting took \d+\.\d\d seconds\)$",
            r"^web: \(finished: must succeed: true, in \d+\.\d\d seconds\)$",
            r"^\(finished: run the VM test script, in \d+\.\d\d seconds\)$",
            r"^test script finished in \d+\.\d\ds$",
            r"^cleanup$",
            r"^web: kill machine \(pid \d+\)$",
            r"^kill vlan \(pid \d+\)$",
            r"^\(finished: cleanup, in \d+\.\d\d seconds\)$",
        ],
    )


def test_console_lines_are_in_the_log(run_driver: RunDriver) -> None:
    result = run_driver('web.succeed("echo to the console >&2")').must_succeed()
    result.must_say("web # <<< NixOS Stage 2 >>>\n", "web # to the console\n")


def test_global_timeout_is_announced(run_driver: RunDriver) -> None:
    result = run_driver("", args=["--global-timeout", "77"]).must_succeed()
    result.must_say("Test will time out and terminate in 77 seconds\n")


def test_global_timeout_comes_from_the_environment(run_driver: RunDriver) -> None:
    env = {"globalTimeout": "78"}
    result = run_driver("", generation="environment", env=env).must_succeed()
    result.must_say("Test will time out and terminate in 78 seconds\n")


def test_logfile_is_written(run_driver: RunDriver, workspace: Workspace) -> None:
    logfile = workspace.out / "log.xml"
    run_driver(HELLO, generation="environment", env={"LOGFILE": str(logfile)}).must_succeed()
    assert ElementTree.parse(logfile).getroot().tag == "logfile"


def test_logfile_dev_null_is_fine(run_driver: RunDriver) -> None:
    run_driver(HELLO, env={"LOGFILE": "/dev/null"}).must_succeed()


# -------------------------------------------------------------------------- what a machine is given


class Dump:
    """The output of fake_vm --dump-args."""

    def __init__(self, path: Path) -> None:
        arguments, _, environment = path.read_text().partition("-- environment --\n")
        self.arguments = arguments.splitlines()
        self.environment = dict(line.split("=", 1) for line in environment.splitlines())


@pytest.fixture
def dumps(workspace: Workspace, run_driver: RunDriver) -> Callable[..., dict[str, Dump]]:
    """Run a script with two machines and two VLANs; return how each machine was started."""

    def run(script: str = "start_all()", **options: object) -> dict[str, Dump]:
        files = {name: workspace.root / f"{name}.args" for name in ("alpha", "beta")}
        machines = {name: f"--dump-args={path}" for name, path in files.items()}
        run_driver(script, machines, vlans=[1, 2], **options).must_succeed()
        return {name: Dump(path) for name, path in files.items()}

    return run


def test_machines_know_the_sockets_of_all_vlans(
    dumps: Callable[..., dict[str, Dump]], workspace: Workspace
) -> None:
    for dump in dumps().values():
        assert dump.environment["QEMU_VDE_SOCKET_1"] == f"{workspace.base}/vde1.ctl"
        assert dump.environment["QEMU_VDE_SOCKET_2"] == f"{workspace.base}/vde2.ctl"


def qemu_arguments(state: Path) -> list[str]:
    return [
        *("-qmp", f"unix:{state}/qmp,server=on,wait=off"),
        *("-monitor", f"unix:{state}/monitor"),
        *("-chardev", f"socket,id=shell,path={state}/shell"),
        *("-device", "virtio-serial"),
        *("-device", "virtconsole,chardev=shell"),
        *("-device", "virtio-rng-pci"),
        *("-serial", "stdio"),
    ]


def port_arguments(state: Path) -> list[str]:
    return [
        *("-chardev", f"socket,id=ntd-port,path={state}/port"),
        *("-device", "virtserialport,chardev=ntd-port,id=ntd-port-device,name=nixos-test-driver.0"),
    ]


def test_arguments_of_a_machine_are_exact(
    dumps: Callable[..., dict[str, Dump]], workspace: Workspace
) -> None:
    state = workspace.base / "vm-state-alpha"
    common = qemu_arguments(state)
    expected = [*common, "-no-reboot", "-nographic", *port_arguments(state)]
    assert dumps()["alpha"].arguments == expected


def test_allow_reboot_leaves_out_no_reboot(
    dumps: Callable[..., dict[str, Dump]], workspace: Workspace
) -> None:
    state = workspace.base / "vm-state-beta"
    common = qemu_arguments(state)
    found = dumps("alpha.start()\nbeta.start(allow_reboot=True)")
    assert found["beta"].arguments == [*common, "-nographic", *port_arguments(state)]


@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_display_leaves_out_nographic(
    dumps: Callable[..., dict[str, Dump]], variable: str
) -> None:
    assert "-nographic" not in dumps(env={variable: ":0"})["alpha"].arguments


def test_environment_and_directory_of_a_machine(
    dumps: Callable[..., dict[str, Dump]], workspace: Workspace
) -> None:
    state = workspace.base / "vm-state-alpha"
    environment = dumps()["alpha"].environment
    assert environment["cwd"] == str(state)
    assert environment["TMPDIR"] == str(state)
    assert environment["SHARED_DIR"] == str(workspace.base / "shared-xchg")
    assert environment["USE_TMPDIR"] == "1"


def test_environment_is_that_of_the_moment_of_start(
    dumps: Callable[..., dict[str, Dump]],
) -> None:
    found = dumps('os.environ["QEMU_OPTS"] = "-m 64"\nstart_all()')
    assert found["alpha"].environment["QEMU_OPTS"] == "-m 64"


def test_start_script_may_be_a_command_line(run_driver: RunDriver, workspace: Workspace) -> None:
    path = workspace.root / "more.args"
    script = f"""
        more = create_machine(os.environ["FAKE"] + " --dump-args={path} -m 12", name="more")
        assert more.succeed("echo up") == "up\\n"
    """
    run_driver(script, machines={}, env={"FAKE": str(FAKE_VM)}).must_succeed()
    assert Dump(path).arguments[:3] == ["-m", "12", "-qmp"]


def test_directories_of_a_run_are_private(run_driver: RunDriver) -> None:
    script = """
        start_all()
        for path in (web.state_dir, web.shared_dir, driver.vlans[0].socket_dir):
            assert os.stat(path).st_mode & 0o777 == 0o700, path
    """
    run_driver(script, vlans=[3]).must_succeed()


def test_two_machines_and_a_vlan(run_driver: RunDriver) -> None:
    script = """
        start_all()
        assert [m.name for m in machines] == ["alpha", "beta"]
        assert alpha.succeed("hostname") == "alpha\\n"
        assert beta.succeed("hostname") == "beta\\n"
        assert vlan1.nr == 1
    """
    run_driver(script, {"beta": "", "alpha": ""}, vlans=[1]).must_succeed()


def test_the_switch_is_a_real_one(run_driver: RunDriver) -> None:
    script = """
        import socket
        path = str(vlan4.socket_dir) + "/ctl"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
    """
    run_driver(script, vlans=[4]).must_succeed()


# ------------------------------------------------------------------------------------------ the end


def test_machines_that_are_up_sync_after_success(run_driver: RunDriver) -> None:
    script = """
        web.succeed("true")
        real = web.execute
        def execute(command, *args, **options):
            print("executed", command)
            return real(command, *args, **options)
        web.execute = execute
    """
    result = run_driver(script).must_succeed()
    assert "executed sync\n" in result.stdout


def test_a_machine_in_use_at_the_end_is_a_warning(run_driver: RunDriver) -> None:
    script = """
        def busy(command):
            raise TimeoutError("the shell is in use")
        web.succeed("true")
        web.execute = busy
    """
    result = run_driver(script).must_succeed()
    result.must_say("no `sync` after the test: the shell is in use")


def test_what_a_shell_has_started_ends_in_its_own_time(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    flushed = workspace.root / "flushed"

    def ending(action: str) -> str:
        return f"(trap '{action}; exit' TERM; while :; do sleep 0.1; done) &\n"

    # The first machine takes a moment to end; by then the shell of the second one has ended.
    bodies = {
        "first": f'{ending("sleep 0.4")} exec {FAKE_VM} "$@"',
        "web": f'{FAKE_VM} "$@" &\n {ending(f"sleep 1; touch {flushed}")} wait',
    }
    scripts = {name: workspace.start_script(name, body=body) for name, body in bodies.items()}
    result = run_driver("start_all()", scripts=scripts).must_succeed()
    result.must_say("web: kill machine (pid ")
    assert flushed.exists(), "it was killed before"


def test_machines_that_are_down_do_not_sync(run_driver: RunDriver) -> None:
    script = """
        down.succeed("true")
        down.shutdown()
        for machine in machines:
            machine.execute = lambda command, *a, **k: print("executed", command)
    """
    result = run_driver(script, {"down": "", "never": ""}).must_succeed()
    assert "executed" not in result.stdout


def test_no_sync_after_a_failure(run_driver: RunDriver) -> None:
    script = """
        web.succeed("true")
        web.execute = lambda command, *a, **k: print("executed", command)
        assert False
    """
    assert "executed" not in run_driver(script).must_fail().stdout


# ------------------------------------------------------------------------------------------ colours


def test_no_colours_when_not_on_a_terminal(run_driver: RunDriver) -> None:
    result = run_driver(HELLO).must_succeed()
    result.must_say("must succeed").must_not_say("\x1b[")


def test_colours_on_a_terminal(spawn_driver: SpawnDriver) -> None:
    driver = spawn_driver(HELLO, terminal=True, env={"TERM": "xterm"})
    driver.expect("\x1b\\[1;32mweb: must succeed: echo hello\x1b\\[0m")
    assert driver.end() == 0


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_on_request(spawn_driver: SpawnDriver, env: dict[str, str]) -> None:
    driver = spawn_driver(HELLO, terminal=True, env={"TERM": "xterm", **env})
    assert driver.end() == 0
    assert b"must succeed" in driver.seen
    assert b"\x1b[" not in driver.seen
