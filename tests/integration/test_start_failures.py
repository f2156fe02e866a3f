"""Machines that fail to start, or die during a call: the test ends at once, and says why."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

import pytest

from harness import AT_ONCE, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]


# ---------------------------------------------------------------- the start script comes to nothing


def test_start_script_exits_before_it_connects(run_driver: RunDriver) -> None:
    options = "--exit-at=start --exit-status=7 --exit-message=no-such-disk"
    result = run_driver("start_all()", {"web": options}).must_fail()
    result.must_blame("machine 'web'")
    result.must_blame("exited with status 7")
    result.must_blame("no-such-disk")
    assert result.seconds < AT_ONCE


@pytest.mark.parametrize("stage", ["qmp", "monitor", "shell"])
def test_start_script_exits_while_it_opens_its_sockets(run_driver: RunDriver, stage: str) -> None:
    options = f"--exit-at={stage} --exit-status=3 --exit-message=lost-courage"
    result = run_driver("start_all()", {"web": options}).must_fail()
    result.must_blame("exited with status 3")
    result.must_blame("lost-courage")
    assert result.seconds < AT_ONCE


def test_start_script_is_killed_while_it_prepares(
    workspace: Workspace
) -> None:
    command = workspace.command("start_all()", {"web": ""})
    workspace.start_script("web", body="echo making the image; kill -KILL $$")
    result = workspace.run(command).must_fail()
    result.must_blame("killed by signal 9 (Killed)")
    result.must_blame("making the image")
    assert result.seconds < AT_ONCE


def test_start_script_that_cannot_be_executed_says_why(
    workspace: Workspace
) -> None:
    command = workspace.command("start_all()", {"web": ""})
    workspace.write("run-web-vm", "#!/no/such/interpreter\n", 0o755)
    result = workspace.run(command).must_fail()
    result.must_blame("exited with status 12")  # 126 or 127: shells differ
    assert result.seconds < AT_ONCE


@pytest.mark.parametrize("stage", ["start", "monitor", "shell"])
def test_start_script_that_never_connects(run_driver: RunDriver, stage: str) -> None:
    env = {"NTD_START_TIMEOUT": "2"}
    result = run_driver("start_all()", {"web": f"--hang-at={stage}"}, env=env).must_fail()
    result.must_blame("machine 'web': QEMU did not connect to its")
    result.must_blame("within 2 seconds")
    assert 2 <= result.seconds < 2 + AT_ONCE


def test_start_script_that_never_connects_shows_its_last_output(workspace: Workspace) -> None:
    command = workspace.command("web.start()", env={"NTD_START_TIMEOUT": "1"})
    workspace.start_script("web", body="echo waiting for a lock >&2; exec sleep 1000")
    workspace.run(command).must_fail().must_blame("waiting for a lock")


def test_qmp_without_a_greeting(run_driver: RunDriver) -> None:
    env = {"NTD_START_TIMEOUT": "2"}
    result = run_driver("start_all()", {"web": "--hang-at=qmp"}, env=env).must_fail()
    result.must_blame("QMP: no greeting on")
    assert 2 <= result.seconds < 2 + AT_ONCE


def test_start_all_names_each_machine_that_failed(run_driver: RunDriver) -> None:
    machines = {
        "good": "",
        "one": "--exit-at=start --exit-message=first",
        "two": "--exit-at=monitor --exit-message=second",
    }
    result = run_driver("start_all()", machines).must_fail()
    result.must_blame("machine 'one'", "first", "machine 'two'", "second")
    assert "good" not in result.failure


def test_a_failed_start_can_be_tried_again(run_driver: RunDriver) -> None:
    script = """
        from test_driver.errors import MachineError
        os.environ["FAKE_VM_OPTS"] = "--exit-at=shell"
        try:
            web.start()
        except MachineError as error:
            print("failed as it should")
        del os.environ["FAKE_VM_OPTS"]
        assert web.succeed("echo up") == "up\\n"
    """
    assert "failed as it should" in run_driver(script).must_succeed().stdout


# ---------------------------------------------------------------------------------- noisy protocols


@pytest.mark.parametrize(
    "options",
    [
        "--qmp-split",
        "--hmp-garbage",
        "--hmp-split",
        "--shell-garbage",
        "--console-garbage",
        "--shell-pty",
        "--qmp-split --hmp-garbage --hmp-split --shell-garbage --console-garbage",
    ],
)
def test_noise_on_a_channel_does_no_harm(run_driver: RunDriver, options: str) -> None:
    script = """
        assert web.succeed("echo up") == "up\\n"
        assert "paused" not in web.send_monitor_command("info status")
        assert "running" in web.send_monitor_command("info status")
        web.send_key("ctrl-alt-f1")
        web.crash()
    """
    run_driver(script, {"web": options}).must_succeed()


def test_noise_on_qmp_ends_the_start(run_driver: RunDriver) -> None:
    result = run_driver("web.start()", {"web": "--qmp-garbage"}).must_fail()
    result.must_blame("machine 'web': QMP: not a message")
    result.must_blame("Reached target Multi-User System")
    assert result.seconds < AT_ONCE


# -------------------------------------------------------------------------- guests that do not boot


def test_guest_without_a_root_shell(run_driver: RunDriver) -> None:
    env = {"NTD_BOOT_SILENCE": "2"}
    result = run_driver("web.connect()", {"web": "--no-backdoor"}, env=env).must_fail()
    result.must_blame("the guest opened no root shell, and its console has been silent for")
    result.must_blame("Reached target Multi-User System")
    assert 2 <= result.seconds < 2 + AT_ONCE


def test_guest_that_says_nothing_at_all(run_driver: RunDriver) -> None:
    env = {"NTD_BOOT_SILENCE": "1"}
    options = "--no-backdoor --silent"
    result = run_driver("web.connect()", {"web": options}, env=env).must_fail()
    result.must_blame("silent for")
    assert result.seconds < 1 + AT_ONCE


def test_guest_that_boots_slowly_but_talks_is_waited_for(run_driver: RunDriver) -> None:
    env = {"NTD_BOOT_SILENCE": "1"}
    options = "--boot-delay=2500 --console-lines=20 --console-rate=8"
    result = run_driver("web.connect()", {"web": options}, env=env).must_succeed()
    assert result.seconds > 2


def test_kernel_panic_while_connecting(run_driver: RunDriver) -> None:
    result = run_driver("web.connect()", {"web": "--panic"}).must_fail()
    result.must_blame("the guest cannot boot")
    result.must_blame("Kernel panic - not syncing: VFS: Unable to mount root fs")
    assert result.seconds < AT_ONCE


def test_emergency_mode_while_connecting(run_driver: RunDriver) -> None:
    result = run_driver("web.connect()", {"web": "--emergency"}).must_fail()
    result.must_blame("the guest cannot boot")
    result.must_blame("You are in emergency mode")
    result.must_blame("Dependency failed for Local File Systems")
    assert result.seconds < AT_ONCE


def test_qemu_ends_while_the_guest_boots(run_driver: RunDriver) -> None:
    options = "--exit-at=boot:4 --exit-status=5 --exit-message=disk-image-is-broken"
    result = run_driver("web.connect()", {"web": options}).must_fail()
    result.must_blame("exited with status 5")
    result.must_blame("disk-image-is-broken")
    result.must_blame("<<< NixOS Stage 1 >>>")
    assert result.seconds < AT_ONCE


# ---------------------------------------------------------------------------- QEMU dies when needed

NEVER = "--no-backdoor --console-lines=1000000 --console-rate=5"

# When QEMU dies: the script's call, options of the machine, and what the failure says.
MOMENTS = {
    "booting": ("web.connect()", NEVER, "while the guest was booting"),
    "command": ('web.succeed("sleep 1000")', "", "`sleep 1000`"),
    "until": ('web.wait_until_succeeds("false")', "", "QEMU"),
    "file": ('web.wait_for_file("/no/such/file")', "", "QEMU"),
    "unit": ('web.wait_for_unit("slow.service")', "", "QEMU"),
    "sleep": ("web.sleep(1000)", "", "`sleep 1000`"),
    "console": ('web.wait_for_console_text("never")', "", "text was awaited"),
    "console and helper": ('web.wait_for_console_text("never")', "--fork-helper", "QEMU"),
    "command and helper": ('web.succeed("sleep 1000")', "--fork-helper", "`sleep 1000`"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_qemu_is_killed(spawn_driver: SpawnDriver, moment: str) -> None:
    statement, options, doing = MOMENTS[moment]
    setup = """
web.start()
units = web.state_dir / "guest" / "units"
units.mkdir(parents=True, exist_ok=True)
(units / "slow.service").write_text("ActiveState=activating\\n")
"""
    if moment != "booting":
        setup += "web.connect()\n"
    ready = 'log.log(f"at it: {web.pid}")\n'
    driver = spawn_driver(setup + ready + statement, {"web": options})
    pid = int(driver.expect(r"at it: (\d+)")[1])
    os.kill(pid, signal.SIGKILL)
    assert driver.end(AT_ONCE) == 1
    log = driver.seen.decode()
    assert f"machine 'web': QEMU (pid {pid}) was killed by signal 9 (Killed)" in log
    assert doing in log
    assert f", in <module>\n!!!     {statement}\n" in log


def test_qemu_ends_by_itself_in_a_wait(run_driver: RunDriver) -> None:
    script = 'web.wait_until_succeeds("false")'
    result = run_driver(script, {"web": "--kill-self-after=700"}).must_fail()
    result.must_blame("was killed by signal 9")
    assert result.seconds < 0.7 + AT_ONCE


def test_guest_powers_off_in_the_middle_of_a_command(run_driver: RunDriver) -> None:
    result = run_driver('web.succeed("poweroff; sleep 1000")').must_fail()
    result.must_blame("machine 'web': QEMU")
    result.must_blame("exited with status 0")
    result.must_blame("`poweroff; sleep 1000`")
    assert result.seconds < AT_ONCE


def test_a_machine_that_died_is_not_waited_for_again(run_driver: RunDriver) -> None:
    script = """
        from test_driver.errors import MachineError
        web.execute("poweroff", check_output=False)
        web.process_ended = web.wait_for_shutdown()
        assert not web.is_up()
        assert web.succeed("echo again") == "again\\n"
    """
    run_driver(script).must_succeed()


def test_killed_machine_can_be_started_anew(run_driver: RunDriver) -> None:
    script = """
        from test_driver.errors import MachineError
        import signal
        web.succeed("true")
        os.killpg(web.pid, signal.SIGKILL)
        try:
            web.succeed("true")
            assert False, "it is dead"
        except MachineError:
            web.release()
        assert web.succeed("echo again") == "again\\n"
    """
    run_driver(script).must_succeed()


def test_failure_says_what_the_console_said_last(run_driver: RunDriver) -> None:
    script = 'web.succeed("echo last words >&2; kill -KILL $(cat pid); sleep 1000")'
    setup = 'web.start()\nweb.connect()\nweb.succeed(f"echo {web.pid} >$TMPDIR/pid")\n'
    command = setup + script.replace("$(cat pid)", "$(cat $TMPDIR/pid)")
    result = run_driver(command).must_fail()
    result.must_blame("its last output was:")
    assert result.failure.rstrip().endswith("last words")


def test_failures_are_named_in_the_order_of_the_machines(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    names = "abcd"
    after = dict(zip(names, names[1:]))  # each fails after the next one
    scripts = {}
    for name in names:
        wait = f"until [ -e {workspace.root}/{after.get(name)} ]; do sleep 0.01; done; sleep 0.1"
        end = f"echo >{workspace.root}/{name}; exit 3"
        body = f"{wait}; {end}" if name in after else end
        scripts[name] = workspace.start_script(name, body=body)
    failure = run_driver("start_all()", scripts=scripts).must_fail().failure
    assert re.findall("^([a-z]): machine '[a-z]'", failure, re.MULTILINE) == list(names), failure
