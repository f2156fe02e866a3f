"""Containers, as far as they need no systemd inside. Start scripts make fake containers."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Callable

import pytest

from containers import (
    FAKE_CONTAINER,
    notifying,
    run_to_end,
    start_script,
    state_of_the_host,
)
from harness import AT_ONCE, PATIENCE, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="containers take root")


@pytest.fixture
def run_on_box(workspace: Workspace, run_driver: RunDriver) -> RunDriver:
    """run_driver() with a container called box."""

    def run(script: str, body: str = FAKE_CONTAINER, **options: object) -> Result:
        containers = {"box": start_script(workspace, "box", body)}
        return run_driver(script, containers=containers, **options)

    return run


@pytest.fixture
def spawn_on_box(workspace: Workspace, spawn_driver: SpawnDriver) -> SpawnDriver:
    def spawn(script: str, body: str = FAKE_CONTAINER, **options: object) -> Conversation:
        containers = {"box": start_script(workspace, "box", body)}
        return spawn_driver(script, containers=containers, **options)

    return spawn


# ---------------------------------------------------------------------------------- its kind


@pytest.mark.parametrize("generation", ["flags", "environment", "json"])
def test_every_generation_of_callers_can_have_one(run_on_box: RunDriver, generation: str) -> None:
    run_on_box("assert box.succeed('hostname') == 'box\\n'", generation=generation).must_succeed()


def test_is_no_virtual_machine(run_on_box: RunDriver) -> None:
    run_on_box(
        """
        assert type(box) is NspawnMachine and isinstance(box, BaseMachine)
        assert repr(box) == "<NspawnMachine 'box'>"
        assert machine is box and machines == [box] == machines_nspawn == driver.machines_nspawn
        assert not machines_qemu
        absent = "forward_port block unblock crash reboot send_monitor_command"
        absent += " qmp_client get_tty_text wait_for_console_text shell_interact switch_root"
        assert [name for name in absent.split() if hasattr(box, name)] == []
        """
    ).must_succeed()


def test_start_script_gets_exactly_its_environment(
    run_on_box: RunDriver, workspace: Workspace
) -> None:
    seen = workspace.root / "seen"
    body = f"/usr/bin/env >{seen}; pwd >>{seen}; echo $# >>{seen}{FAKE_CONTAINER}"
    run_on_box("box.start()", body, env={"SOMETHING": "else"}).must_succeed()
    state = workspace.base / "vm-state-box"
    lines = {line for line in seen.read_text().splitlines() if not line.startswith(("PWD=", "_="))}
    assert lines == {
        f"NOTIFY_SOCKET={workspace.base / 'box-nspawn.sock'}",
        f"RUN_NSPAWN_ROOT_DIR={state}",
        f"RUN_NSPAWN_SHARED_DIR={workspace.base / 'shared-xchg'}",
        str(state),
        "0",
    }


def test_process_is_like_that_of_a_virtual_machine(run_on_box: RunDriver) -> None:
    run_on_box(
        """
        assert box.process is None and box.pid is None and not box.is_up()
        box.connect()
        process = box.process
        assert process.pid == box.pid and process.poll() is None and box.is_up()
        box.release()
        assert process.returncode is not None and box.pid is None and not box.is_up()
        """
    ).must_succeed()


def test_overridden_methods_take_effect(run_on_box: RunDriver, workspace: Workspace) -> None:
    script = start_script(workspace, "own")
    run_on_box(
        f"""
        class Own(NspawnMachine):
            def execute(self, command, *args, **keywords):
                return super().execute("echo own; " + command, *args, **keywords)

        own = Own(driver.out_dir, "own", {str(script)!r}, driver.tmp_dir)
        driver.machines.append(own)
        assert own in driver.machines_nspawn
        assert own.succeed("hostname") == "own\\nown\\n"
        """
    ).must_succeed()


# ---------------------------------------------------------------------------------- notices


def test_ready_over_the_socket_alone(run_on_box: RunDriver) -> None:
    run_on_box(
        """
        import socket, stat
        assert box.machine_sock is None and not box.notify_thread.is_alive()
        init = box.get_systemd_process
        with open(f"/proc/{init}/comm") as name:
            assert name.read() == "sleep\\n"
        path = box.tmp_dir / "box-nspawn.sock"
        assert box.machine_sock_path == path, box.machine_sock_path
        status = os.stat(path)
        assert stat.S_ISSOCK(status.st_mode) and status.st_mode & 0o777 == 0o600
        with box.machine_sock as ours:
            assert ours.type == socket.SOCK_DGRAM and ours.getsockname() == str(path)
        assert box.notify_thread.is_alive()
        box.notify_thread.join(0.01)
        box.release()
        box.notify_thread.join()
        assert not box.notify_thread.is_alive() and not path.exists()
        assert box.machine_sock is None
        """,
        notifying("say(leader, 'READY=1')"),
    ).must_succeed()


def test_a_command_waits_for_the_end_of_the_boot(
    run_on_box: RunDriver, workspace: Workspace
) -> None:
    booted = workspace.root / "booted"
    life = f"""
        say("STATUS=starts", leader)
        say("STATUS=goes on")
        time.sleep(0.5)
        open({str(booted)!r}, "w")
        say("READY=1")
        """
    script = f"""
        box.start()
        assert not os.path.exists({str(booted)!r})
        box.succeed("true")
        assert os.path.exists({str(booted)!r})
        """
    run_on_box(script, notifying(life)).must_succeed()


def test_a_boot_that_does_not_end(run_on_box: RunDriver) -> None:
    result = run_on_box("box.connect()", notifying("say(leader)"), env={"NTD_BOOT_SILENCE": "0.7"})
    result.must_fail("cannot run commands yet", "has been silent")


def test_the_socket_is_read_to_the_end(run_on_box: RunDriver) -> None:
    """Else a systemd could block: it sends READY=1 with each daemon-reexec."""
    life = """
        say(leader, "READY=1")
        for _ in range(1000):
            say("READY=1")
        open(os.environ["RUN_NSPAWN_ROOT_DIR"] + "/said", "w")
        """
    script = "box.connect()\nretry(lambda _: (box.state_dir / 'said').exists(), 20)"
    run_on_box(script, notifying(life)).must_succeed()


@pytest.mark.parametrize("number", ["1", "{os.getppid()}", "{os.getpid()}", "{container.pid}"])
def test_an_init_that_is_none_of_its_own_is_not_taken(run_on_box: RunDriver, number: str) -> None:
    life = f"say(f'X_NSPAWN_LEADER_PID={number}', 'READY=1')"
    result = run_on_box("box.start()", notifying(life), env={"NTD_START_TIMEOUT": "1"})
    result.must_fail("nothing on NOTIFY_SOCKET, of a process of its own within 1 seconds")


def test_what_the_container_says_itself_is_not_taken(run_on_box: RunDriver) -> None:
    """This container has access to the socket, and to the start script's standard output."""
    life = """
        say_in_container(leader, "READY=1")
        print("systemd-nspawn's PID is 1", flush=True)
        """
    result = run_on_box("box.start()", notifying(life), env={"NTD_START_TIMEOUT": "3"})
    result.must_fail("nothing on NOTIFY_SOCKET, of a process of its own", "PID is 1")


def test_the_container_cannot_say_that_it_is_ready(run_on_box: RunDriver) -> None:
    life = "say(leader); say_in_container('READY=1')"
    result = run_on_box("box.connect()", notifying(life), env={"NTD_BOOT_SILENCE": "3"})
    result.must_fail("cannot run commands yet")


def test_messages_of_any_size_and_content(run_on_box: RunDriver) -> None:
    """File descriptors sent along are not received."""
    life = """
        for message in (b"", b"\\0", b"\\xff" * 100, b"READY=1" * 10000, b"READY=1\\n" * 1000):
            for _ in range(100):
                send(message)
        for number in ("", "x", "-1", "0", "9" * 30):
            say("X_NSPAWN_LEADER_PID=" + number)
        for _ in range(50):
            send(leader.encode(), files=(0, 1, 2))
        time.sleep(1)
        say("READY=1")
        """
    run_on_box(
        """
        box.start()
        before = len(os.listdir("/proc/self/fd"))
        box.connect()
        assert len(os.listdir("/proc/self/fd")) < before + 50
        """,
        notifying(life),
    ).must_succeed()


def test_something_else_in_place_of_the_socket(run_on_box: RunDriver, workspace: Workspace) -> None:
    path = workspace.base / "box-nspawn.sock"
    path.write_text("what an earlier run has left")
    run_on_box("box.succeed('true')").must_succeed()
    path.write_text("another user's")
    os.chown(path, 65534, 65534)
    run_on_box("box.start()").must_fail(str(path), "of user 65534, not of user 0")
    assert path.read_text() == "another user's"
    path.unlink()


# ---------------------------------------------------------------------------------- commands


def test_commands(run_on_box: RunDriver) -> None:
    run_on_box(
        """
        assert box.execute("echo out; exit 3") == (3, "out\\n")
        assert box.execute("false | true")[0] == 1
        assert box.execute("echo $NO_SUCH_VARIABLE; echo reached") == (1, "")
        assert box.succeed("pwd; echo $HOME $USER; [[ a < b ]]") == "/tmp\\n/root root\\n"
        assert box.succeed("cat") == "" and "/bin" in box.succeed("echo $PATH")
        assert box.succeed("printf 'a\\\\0b\\\\377c'") == "a\\0b\\ufffdc"
        assert box.succeed("cat <<'END'\\n$HOME 'x'\\n\\nEND\\n") == "$HOME 'x'\\n\\n"
        assert box.succeed("x=" + "y" * (1 << 20) + "\\necho ${#x}; exit 0") == f"{1 << 20}\\n"
        assert box.execute("# " + "y" * (1 << 18) + "\\nexit 7") == (7, "")
        assert box.succeed("seq 500000") == "".join(f"{n}\\n" for n in range(1, 500001))
        assert box.execute("kill -KILL $$") == (137, "")
        assert box.execute("exit 4", check_return=False) == (4, "")
        assert box.execute("echo waited", check_output=False) == (0, "waited\\n")
        assert "sleep" in box.succeed("cat /proc/1/comm")
        """
    ).must_succeed()


def test_standard_error_is_the_console(run_on_box: RunDriver) -> None:
    result = run_on_box("assert box.succeed('echo to the console >&2; echo out') == 'out\\n'")
    result.must_succeed().must_say("box # to the console")


def test_output_is_shown_while_it_comes(run_on_box: RunDriver) -> None:
    result = run_on_box("box.succeed('echo soon')", args=["--stream-output"])
    result.must_succeed().must_say("box > soon")


def test_commands_run_at_the_same_time(run_on_box: RunDriver) -> None:
    run_on_box(
        """
        import threading
        meet = box.succeed("mktemp -u").strip()
        box.succeed(f"mkfifo {meet}")
        results = []
        read = threading.Thread(target=lambda: results.append(box.succeed(f"cat {meet}")))
        read.start()
        box.succeed(f"echo met >{meet}; rm {meet}")
        read.join()
        assert results == ["met\\n"], results
        """
    ).must_succeed()


def test_time_limit_is_pythons_exception(run_on_box: RunDriver) -> None:
    result = run_on_box(
        """
        import subprocess
        with t.assertRaises(subprocess.TimeoutExpired) as caught:
            box.execute("echo begun; sleep 1000", timeout=0.5)
        assert caught.exception.cmd == "echo begun; sleep 1000"
        assert (caught.exception.timeout, caught.exception.output) == (0.5, "begun\\n")
        with t.assertRaises(subprocess.TimeoutExpired):
            box.wait_until_succeeds("trap '' TERM; sleep 1000", timeout=0.5)
        assert box.succeed("ps -e -o args= | grep -c '[s]leep 1000' || true") == "0\\n"
        with t.assertRaises(AssertionError):
            box.wait_until_succeeds("false", timeout=0.5)
        """
    ).must_succeed()
    assert result.seconds < 100


def test_background_processes_outlive_their_command(run_on_box: RunDriver) -> None:
    run_on_box(
        """
        box.succeed("sleep 1000 >&2 & echo $! >pid-of-sleep")
        box.succeed("kill -0 $(cat pid-of-sleep); rm pid-of-sleep")
        assert box.succeed("(sleep 0.3; echo late) &") == "late\\n"
        """
    ).must_succeed()


def test_names_the_process_that_holds_the_output(run_on_box: RunDriver) -> None:
    result = run_on_box("assert box.succeed('sleep 11 &') == ''")
    result.must_succeed().must_say("has ended, but its output is held open by:", " sleep. Waiting")


def test_ctrl_c_ends_a_command(run_on_box: RunDriver) -> None:
    run_on_box(
        """
        import os, signal, threading
        with t.assertRaises(KeyboardInterrupt):
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            box.succeed("sleep 1000")
        assert box.succeed("ps -e -o args= | grep -c '[s]leep 1000' || true") == "0\\n"
        """
    ).must_succeed()


def test_waits_and_units(run_on_box: RunDriver) -> None:
    result = run_on_box(
        """
        box.succeed("(sleep 0.3; touch made) >&2 &")
        box.wait_for_file("/tmp/made")
        box.succeed("rm made; ip link set lo up; nc -l 127.0.0.1 4711 >&2 &")
        box.wait_for_open_port(4711, addr="127.0.0.1")
        box.wait_for_closed_port(4711, addr="127.0.0.1", timeout=10)  # the look has ended it
        box.wait_for_unit("web.service")
        """
    )
    result.must_fail("systemctl")  # the container has none


def test_copies(run_on_box: RunDriver, workspace: Workspace) -> None:
    tree = workspace.root / "tree"
    (tree / "below").mkdir(parents=True)
    content = bytes(range(256)) * 40_000
    (tree / "below" / "file").write_bytes(content)
    (tree / "link").symlink_to("below/file")
    result = run_on_box(
        f"""
        place = box.succeed("mktemp -d").strip()
        for copy in (box.copy_from_host, box.copy_from_host_via_shell):
            copy({str(tree)!r}, place + "/copied")
            box.copy_from_machine(place + "/copied")
            box.copy_from_machine(place + "/copied/below/file", "single")
            box.succeed("rm -r " + place + "/*")
        """
    ).must_succeed()
    assert (workspace.out / "copied" / "below" / "file").read_bytes() == content, str(result)
    assert os.readlink(workspace.out / "copied" / "link") == "below/file"
    assert (workspace.out / "single" / "file").read_bytes() == content


# ---------------------------------------------------------------------------------- failures


def test_start_script_that_fails(run_on_box: RunDriver) -> None:
    result = run_on_box("box.start()", "echo no bridge today >&2; exit 9")
    result.must_fail("its start script", "exited with status 9", "no bridge today")
    assert result.seconds < AT_ONCE


def test_start_script_that_never_runs_systemd_nspawn(run_on_box: RunDriver) -> None:
    result = run_on_box("box.start()", "echo busy; sleep 1000", env={"NTD_START_TIMEOUT": "0.5"})
    result.must_fail("did not say \"systemd-nspawn's PID is N\"", "NOTIFY_SOCKET", "busy")


def test_container_that_never_gets_ready(run_on_box: RunDriver) -> None:
    body = FAKE_CONTAINER.replace("Welcome", "Well, not welcome")
    result = run_on_box("box.connect()", body, env={"NTD_BOOT_SILENCE": "0.7"})
    result.must_fail("cannot run commands yet", "not welcome")


def test_end_while_it_boots(run_on_box: RunDriver) -> None:
    body = FAKE_CONTAINER.replace("Welcome", "").replace("infinity", "0.3")
    result = run_on_box("box.connect()", body)
    result.must_fail("its start script", "exited with status 0 while the container was booting")


def test_end_under_a_command(run_on_box: RunDriver) -> None:
    result = run_on_box(
        """
        import os, signal, threading, time
        box.connect()
        threading.Timer(0.3, os.kill, (box.pid, signal.SIGKILL)).start()
        begin = time.monotonic()
        with t.assertRaises(BrokenPipeError):
            box.succeed("sleep 1000")
        assert time.monotonic() - begin < 100
        with t.assertRaisesRegex(BrokenPipeError, "was killed by signal 9"):
            box.succeed("true")
        box.wait_for_shutdown()
        box.succeed("true")
        """
    )
    result.must_succeed()


def test_end_under_a_wait(run_on_box: RunDriver) -> None:
    result = run_on_box(
        """
        import os, signal, threading
        box.connect()
        threading.Timer(0.3, os.kill, (box.pid, signal.SIGKILL)).start()
        box.wait_for_file("/no/such/file")
        """
    )
    result.must_fail("MachineDied", "was killed by signal 9")
    assert result.seconds < 100


def test_who_is_not_root_is_told_at_once(workspace: Workspace) -> None:
    containers = {"box": start_script(workspace, "box")}
    command = workspace.command("box.start()", containers=containers)
    for directory in (workspace.root, workspace.base, workspace.out):
        directory.chmod(0o777)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    ended = run_to_end([*nobody, *command.argv], command.env)
    assert ended.returncode == 1, ended
    assert "containers need root, and the driver runs as user 65534" in ended.stderr
    assert "run the VM test script" not in ended.stderr


# ---------------------------------------------------------------------------------- the screen


@pytest.fixture
def run_on_screen(run_on_box: RunDriver, workspace: Workspace) -> RunDriver:
    """run_on_box() with fake X11 programs; @SHARED@ in them is the shared directory."""
    shared = str(workspace.base / "shared-xchg")

    def run(script: str, **programs: str) -> Result:
        place = workspace.root / "programs"
        place.mkdir()
        for name, text in programs.items():
            (place / name).write_text(f"#!/bin/sh\n{text.replace('@SHARED@', shared)}\n")
            (place / name).chmod(0o755)
        body = FAKE_CONTAINER.replace("hostname", f"mount --bind {place} /usr/local/sbin\nhostname")
        return run_on_box(script, body)

    return run


def test_keys_are_pressed_by_xdotool(run_on_screen: RunDriver) -> None:
    run_on_screen(
        r"""
        for key in ("ctrl-alt-t", "ret", "A", "ä", "meta_l-f1", "XF86Mail", "-", "shift-minus"):
            box.send_key(key)
        box.send_key("pgup", delay=0, log=False)
        box.send_chars("aB \n", delay=0.5)
        box.send_chars("x" * 51, delay=0)
        box.send_chars("")
        pressed = (box.shared_dir / "pressed").read_text().splitlines()
        assert pressed == [
            "key --delay 0 Control_L+Alt_L+t",
            "key --delay 0 Return",
            "key --delay 0 Shift_L+a",
            "key --delay 0 U00E4",
            "key --delay 0 Super_L+F1",
            "key --delay 0 XF86Mail",
            "key --delay 0 minus",
            "key --delay 0 Shift_L+minus",
            "key --delay 0 Prior",
            "key --delay 500 a Shift_L+b space Return",
            "key --delay 0" + 50 * " x",
            "key --delay 0 x",
        ], pressed
        """,
        xdotool='echo "$*" >>@SHARED@/pressed',
    ).must_succeed()


def test_keys_that_do_not_exist(run_on_screen: RunDriver) -> None:
    said = "(symbol) No such key name 'nokey'. Ignoring it."
    result = run_on_screen(
        """
        box.send_key("ctrl-nokey")
        for key in ("", "a b", "x;reboot", "$(reboot)", "ctrl--", "\\0"):
            box.send_key(key)
        """,
        xdotool=f'[ "$*" = "key --delay 0 Control_L+nokey" ] || exit 1; for n in 1 2; do echo "{said}"; done',
    )
    result.must_succeed().must_say("box: X11 has no key 'nokey'; nothing was pressed")
    for key in ("''", "'a b'", "'x;reboot'", "'$(reboot)'", "'ctrl--'"):
        result.must_say(f"X11 has no key {key}")


def test_screen_that_cannot_be_used(run_on_screen: RunDriver) -> None:
    result = run_on_screen(
        """
        for use, why in (
            (lambda: box.send_key("a"), "xdotool cannot press keys .exit code 1.: no display"),
            (lambda: box.screenshot("a"), "there is no program 'xwd' on the machine"),
            (lambda: box.wait_for_window("a"), "there is no program 'xwininfo' on the machine"),
        ):
            with t.assertRaisesRegex(AssertionError, why):
                use()
        """,
        xdotool="echo no display; exit 1",
        xwd="exit 127",
        xwininfo="exit 127",
    )
    result.must_succeed()


def test_pictures_that_are_none(run_on_screen: RunDriver, workspace: Workspace) -> None:
    """Invalid output of xwd raises an error, even if it is endless."""
    header = r"\0\0\0\144\0\0\0\7\0\0\0\2\0\0\0\30"
    result = run_on_screen(
        """
        from test_driver.errors import MachineError
        for kind, why in (
            ("true", "that of xwd is no window dump"),
            ("printf 'HEADER'; head -c 84 /dev/zero", "that of xwd is one of 0 x 0 pixels"),
            ("printf 'HEADER'; yes | head -c 84", "that of xwd is one of 2030729482 x"),
            ("cat /dev/zero", "it has more than 129 MiB"),
            ("echo no display >&2; exit 1", "xwd ended with status 1"),
        ):
            (box.shared_dir / "kind").write_text(kind.replace("HEADER", HEADER))
            with t.assertRaisesRegex(MachineError, why):
                box.screenshot("picture")
        assert box.succeed("echo alive") == "alive\\n"
        """.replace("HEADER)", f"{header!r})"),
        xwd=". @SHARED@/kind",
    )
    result.must_succeed().must_say("box # no display")
    assert not list(workspace.out.iterdir())


# ---------------------------------------------------------------------------------- the end


def test_start_script_has_time_to_clean_up(run_on_box: RunDriver, workspace: Workspace) -> None:
    """The start script gets one signal; the container ends after that."""
    life = """
        clean_up_on(signal.SIGTERM)
        say(leader, "READY=1")
        try:
            container.wait()
        finally:
            time.sleep(7)
            with open(os.environ["RUN_NSPAWN_SHARED_DIR"] + "/clean", "a") as file:
                print("clean", container.wait(), file=file)
        """
    result = run_on_box("box.succeed('true')", notifying(life)).must_succeed()
    result.must_say("box: its start script (pid ", "cleans up")
    assert (workspace.base / "shared-xchg" / "clean").read_text().startswith("clean ")


# ---------------------------------------------------------------------------------- the host


MAKES_THINGS = """
ip link add br1 type bridge
ip link add ve1 type veth peer name eth1
ip netns add box
mkdir -p /run/made-by-box
mount -t tmpfs tmpfs "$RUN_NSPAWN_ROOT_DIR"
ls /sys/class/net/vde-tap1/address >&2
"""


def test_nothing_of_it_is_on_the_host(run_on_box: RunDriver, workspace: Workspace) -> None:
    before = state_of_the_host()
    assert "nixos-test-driver" not in before
    during = workspace.root / "during"
    script = f"""
        import subprocess
        box.connect()
        with open({str(during)!r}, "w") as file:
            for look in ("ip -o link", "ls /run", "findmnt -rno TARGET"):
                subprocess.run(look.split(), stdout=file, check=True)
        """
    result = run_on_box(script, MAKES_THINGS + FAKE_CONTAINER, vlans=[1]).must_succeed()
    result.must_say("stderr: /sys/class/net/vde-tap1/address")
    seen = during.read_text()
    made = ("br1", "ve1", "made-by-box", "vm-state-box", "vde-tap1")
    assert [word for word in made if word in seen] == []
    assert state_of_the_host() == before


@pytest.mark.parametrize("way", ["KILL", "TERM"])
def test_a_driver_that_is_killed_leaves_nothing(
    spawn_on_box: SpawnDriver, workspace: Workspace, way: str
) -> None:
    before = state_of_the_host()
    body = MAKES_THINGS + "setsid sleep 1000 &\n" + FAKE_CONTAINER
    script = "box.succeed('setsid sleep 1000 >&2 &')\nbox.succeed('echo up >&2; sleep 1000')"
    driver = spawn_on_box(script, body, vlans=[1])
    driver.expect("box # up")
    driver.signal(getattr(signal, f"SIG{way}"))
    driver.end()
    workspace.wait_until_no_process(PATIENCE)
    deadline = time.monotonic() + PATIENCE  # the orphan guard ends shortly after the driver
    while state_of_the_host() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert state_of_the_host() == before
    assert not (workspace.base / "box-nspawn.sock").exists()


def test_bare_sandbox(workspace: Workspace) -> None:
    """A sandbox without a writable /run, cgroup2 or names in /etc, and with a mount below /etc."""
    body = """
        ls -d /run/netns /var/run/netns /sys/fs/cgroup/cgroup.procs >&2
        touch /run/written
        grep -q . /etc/machine-id && grep -q . /etc/os-release && echo names are there >&2
        ls /etc/ssl >&2
        """
    script = start_script(workspace, "box", body + FAKE_CONTAINER)
    command = workspace.command("box.succeed('true')", containers={"box": script})
    etc = workspace.root / "etc"
    bare = workspace.write(
        "bare",
        f"""#!/bin/sh -e
        mount --make-rprivate /
        umount -R /sys/fs/cgroup 2>/dev/null || true
        mount -t tmpfs -o ro tmpfs /run
        cp -a /etc {etc}
        rm {etc}/machine-id {etc}/os-release
        mount --bind {etc} /etc
        mount --bind {workspace.scripts} /etc/ssl
        exec {shlex.join(command.argv)}
        """,
        0o755,
    )
    ended = run_to_end(["unshare", "--mount", str(bare)], command.env)
    assert ended.returncode == 0, ended.stderr
    wanted = ["/run/netns", "/var/run/netns", "/sys/fs/cgroup/cgroup.procs", "names are there"]
    for line in [*wanted, "run-box-nspawn"]:
        assert f"stderr: {line}\n" in ended.stderr, ended.stderr
    assert not (etc / "machine-id").exists() and not (etc / "os-release").exists()
