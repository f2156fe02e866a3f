"""Drives fake_vm over its sockets, as the driver does."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

DEFAULT_BIN_DIR = Path(__file__).resolve().parents[2] / "build" / "dev" / "bin"
FAKE_VM = Path(os.environ.get("NTD_BIN_DIR", DEFAULT_BIN_DIR)) / "fake_vm"
PATIENCE = 10.0  # seconds; nothing here takes a tenth of a second when it works
SPAWNING = b"Spawning backdoor root shell...\n"
PROMPT = b"(qemu) "


def listen(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)
    server.settimeout(PATIENCE)
    return server


class Channel:
    """A descriptor that is read up to the expected text or to its end, within PATIENCE."""

    def __init__(self, fd, keeper=None):
        self.fd, self.keeper, self.waiting = fd, keeper, b""

    def _more(self, deadline):
        ready, _, _ = select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing more came after {self.waiting!r}"
        return os.read(self.fd, 65536)

    def until(self, expected):
        deadline = time.monotonic() + PATIENCE
        while expected not in self.waiting:
            data = self._more(deadline)
            assert data, f"end of file after {self.waiting!r}"
            self.waiting += data
        end = self.waiting.index(expected) + len(expected)
        found, self.waiting = self.waiting[:end], self.waiting[end:]
        return found

    def rest(self):
        deadline = time.monotonic() + PATIENCE
        while data := self._more(deadline):
            self.waiting += data
        return self.waiting

    def send(self, data):
        os.write(self.fd, data)


def channel(sock):
    return Channel(sock.fileno(), sock)


class Qmp:
    def __init__(self, path, negotiate=True):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        self.channel = channel(sock)
        self.greeting = self.message()
        if negotiate:
            assert self.ask("qmp_capabilities") == {"return": {}}

    def message(self):
        while True:
            try:
                message = json.loads(self.channel.until(b"\r\n"))
            except ValueError:
                continue  # --qmp-garbage
            if isinstance(message, dict) and "unknown" not in message:
                return message

    def ask(self, command, **more):
        self.channel.send(json.dumps({"execute": command, **more}).encode())
        return self.message()

    def event(self, name):
        while (found := self.message()).get("event") != name:
            pass
        return found

    def close(self):
        self.channel.keeper.close()


class Vm:
    """A fake_vm with the driver's end of its sockets."""

    def __init__(self, directory, *options, reboot=False, qemu=(), environment=None):
        self.directory = directory
        self.monitor_server = listen(directory / "monitor")
        self.shell_server = listen(directory / "shell")
        arguments = [
            *("-qmp", f"unix:{directory}/qmp,server=on,wait=off"),
            *("-monitor", f"unix:{directory}/monitor"),
            *("-chardev", f"socket,id=shell,path={directory}/shell"),
            *("-device", "virtio-serial", "-device", "virtconsole,chardev=shell"),
            *("-device", "virtio-rng-pci", "-serial", "stdio"),
            *(() if reboot else ("-no-reboot",)),
            *("-nographic", *qemu),
        ]
        self.process = subprocess.Popen(
            [FAKE_VM, *options, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=directory,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(directory), **(environment or {})},
        )
        self.console = Channel(self.process.stdout.fileno())
        self.stderr = Channel(self.process.stderr.fileno())
        self.monitor_channel = None

    def monitor(self):
        if self.monitor_channel is None:
            self.monitor_channel = channel(self.monitor_server.accept()[0])
            assert self.monitor_channel.until(PROMPT).startswith(b"QEMU 7.2.0 monitor")
        return self.monitor_channel

    def shell(self):
        shell = channel(self.shell_server.accept()[0])
        shell.until(SPAWNING)
        return shell

    def qmp(self, **options):
        self.monitor()  # it connects only when QMP listens
        return Qmp(self.directory / "qmp", **options)

    def wait(self):
        return self.process.wait(PATIENCE)

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()
        self.monitor_server.close()
        self.shell_server.close()


@pytest.fixture
def start(tmp_path):
    machines = []

    def start(*options, **more):
        machines.append(Vm(tmp_path, *options, **more))
        return machines[-1]

    yield start
    for machine in machines:
        machine.kill()


def takes(pid, number):
    """Whether a process blocks the signal already, to read it from a signalfd."""
    status = Path(f"/proc/{pid}/status").read_text()
    blocked = int(re.search(r"^SigBlk:\s*(\w+)$", status, re.MULTILINE)[1], 16)
    return blocked >> (number - 1) & 1


def run(shell, command):
    """Run a command on the shell channel and return its output and status."""
    shell.send(f"{{ {command}\n}} 2>&1; echo \"END $?\"\n".encode())
    output = shell.until(b"END ")[: -len(b"END ")]
    return output.decode(), int(shell.until(b"\n"))


def test_shell_echoes_what_a_command_prints(start):
    assert run(start().shell(), "echo hello") == ("hello\n", 0)


def test_shell_is_a_terminal_on_request(start):
    assert run(start("--shell-pty").shell(), "test -t 0 && echo tty") == ("tty\n", 0)


def test_shell_pty_carries_a_megabyte(start):
    shell = start("--shell-pty").shell()
    output, _ = run(shell, "head -c 1000000 /dev/zero | tr '\\0' x")
    assert output == "x" * 1000000


def test_shell_pty_takes_a_long_command(start):
    text = "y" * 200_000
    output, _ = run(start("--shell-pty").shell(), f"cat <<'EOF'\n{text}\nEOF")
    assert output == text + "\n"


def test_guest_starts_in_an_empty_private_directory(start, tmp_path):
    output, _ = run(start().shell(), "pwd; ls -A")
    assert output == f"{tmp_path}/guest/tmp\n"


def test_guest_stderr_is_the_console(start):
    vm = start()
    vm.shell().send(b"echo oops >&2\n")
    vm.console.until(b"oops\n")


def test_hostname_is_the_machine_name(start):
    assert run(start(qemu=("-name", "web")).shell(), "hostname") == ("web\n", 0)


def test_boot_shows_on_the_console(start):
    vm = start()
    vm.console.until(b"Linux version")
    vm.console.until(b"Startup finished")


def test_poweroff_sends_an_event_and_exits_with_0(start):
    vm = start()
    shell, qmp = vm.shell(), vm.qmp()
    shell.send(b"poweroff\n")
    assert qmp.event("SHUTDOWN")["data"] == {"guest": True, "reason": "guest-shutdown"}
    assert vm.wait() == 0
    assert shell.rest() == b""
    vm.console.until(b"reboot: Power down")


def test_poweroff_ends_daemons_of_the_guest(start):
    vm = start()
    shell = vm.shell()
    run(shell, "setsid sleep 1000 & echo $! > daemon")
    shell.send(b"setsid sh -c 'sleep 1000 & wait' & poweroff\n")
    assert vm.wait() == 0
    assert shell.rest() == b""


def test_halted_machine_stays_when_told(start):
    vm = start("--no-vm-exit-on-poweroff")
    vm.shell().send(b"poweroff\n")
    vm.console.until(b"System halted")
    assert vm.qmp().ask("query-status")["return"]["status"] == "shutdown"


def test_reboot_spawns_again_on_the_same_socket(start):
    vm = start(reboot=True)
    shell, qmp = vm.shell(), vm.qmp()
    shell.send(b"touch left; X=1; reboot\n")
    assert qmp.event("RESET")["data"] == {"guest": True, "reason": "guest-reset"}
    shell.until(SPAWNING)
    assert run(shell, 'echo "X=$X"; ls') == ("X=\n", 0)
    vm.console.until(b"Restarting system")
    vm.console.until(b"Linux version")


def test_reboot_without_reboot_exits(start):
    vm = start()
    shell, qmp = vm.shell(), vm.qmp()
    shell.send(b"reboot\n")
    assert qmp.event("SHUTDOWN")["data"]["reason"] == "guest-reset"
    assert vm.wait() == 0


def test_three_finger_salute_reboots(start):
    vm = start(reboot=True)
    monitor, shell = vm.monitor(), vm.shell()
    monitor.send(b"sendkey ctrl-alt-delete\n")
    shell.until(SPAWNING)


def test_qmp_greets_and_answers(start):
    qmp = start(qemu=("-enable-kvm",)).qmp()
    assert qmp.greeting["QMP"]["version"]["qemu"]["major"] == 7
    assert qmp.greeting["QMP"]["capabilities"] == ["oob"]
    assert qmp.ask("query-kvm") == {"return": {"enabled": True, "present": True}}
    assert qmp.ask("query-status")["return"]["running"] is True


def test_qmp_errors_have_class_description_and_id(start):
    assert start().qmp().ask("nosuch", id="a") == {
        "id": "a",
        "error": {"class": "CommandNotFound", "desc": "The command nosuch has not been found"},
    }


def test_qmp_wants_negotiation_first(start):
    reply = start().qmp(negotiate=False).ask("query-status")
    assert reply["error"]["class"] == "CommandNotFound"


def test_qmp_stop_freezes_the_guest_until_cont(start):
    vm = start()
    shell, qmp = vm.shell(), vm.qmp()
    assert qmp.ask("stop")["event"] == "STOP"
    shell.send(b"echo thawed\n")
    assert select.select([shell.fd], [], [], 0.05)[0] == []
    qmp.ask("cont")
    assert shell.until(b"\n") == b"thawed\n"


def test_qmp_serves_one_client_after_another(start):
    vm = start(qemu=("-name", "web"))
    vm.qmp().close()
    assert vm.qmp().ask("query-name") == {"return": {"name": "web"}}


def test_qmp_garbage_and_split_still_hold_the_answers(start):
    qmp = start("--qmp-garbage", "--qmp-split").qmp()
    assert qmp.ask("human-monitor-command", arguments={"command-line": "info status"}) == {
        "return": "VM status: running\r\n"
    }


def test_qmp_screendump_writes_a_png(start, tmp_path):
    picture = tmp_path / "screen.png"
    start().qmp().ask("screendump", arguments={"filename": str(picture), "format": "png"})
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_qmp_quit_removes_its_socket(start, tmp_path):
    vm = start()
    vm.qmp().channel.send(b'{"execute": "quit"}')
    assert vm.wait() == 0
    assert not (tmp_path / "qmp").exists()


def test_hmp_redraws_the_line_and_prompts(start):
    monitor = start().monitor()
    monitor.send(b"ab\n")
    assert monitor.until(PROMPT) == (
        b"a\x1b[K\x1b[Dab\x1b[K\r\nunknown command: 'ab'\r\n(qemu) "
    )


def test_hmp_help_is_long(start):
    monitor = start().monitor()
    monitor.send(b"help\n")
    assert len(monitor.until(b"\n" + PROMPT)) > 10000


def test_hmp_sendkey_is_recorded(start, tmp_path):
    monitor = start(f"--keys-file={tmp_path}/keys").monitor()
    monitor.send(b"sendkey shift-a\n")
    monitor.until(PROMPT)
    assert (tmp_path / "keys").read_text() == "shift-a\n"


def test_hmp_screendump_writes_a_ppm(start, tmp_path):
    monitor = start().monitor()
    monitor.send(f"screendump {tmp_path}/screen.ppm\n".encode())
    monitor.until(PROMPT)
    assert (tmp_path / "screen.ppm").read_bytes().startswith(b"P6\n160 100\n255\n")


def test_hmp_quit_exits_with_0(start):
    vm = start()
    vm.monitor().send(b"quit\n")
    assert vm.wait() == 0


@pytest.mark.parametrize("stage", ["start", "qmp", "monitor", "shell", "boot:3"])
def test_exit_at_a_stage(start, stage):
    vm = start(f"--exit-at={stage}", "--exit-status=7", "--exit-message=no luck")
    assert vm.wait() == 7
    assert vm.stderr.rest() == b"qemu-system-x86_64: no luck\n"


@pytest.mark.parametrize("stage", ["start", "monitor"])
def test_hang_at_a_stage_never_connects_but_obeys_sigterm(start, stage):
    vm = start(f"--hang-at={stage}")
    while not takes(vm.process.pid, signal.SIGTERM):
        time.sleep(0.01)
    assert select.select([vm.monitor_server, vm.process.stdout], [], [], 0.05)[0] == []
    vm.process.terminate()
    assert vm.wait() == 0


def test_hang_at_qmp_never_greets(start):
    vm = start("--hang-at=qmp")
    vm.monitor()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{vm.directory}/qmp")
        client.send(b'{"execute": "qmp_capabilities"}')
        assert select.select([client], [], [], 0.05)[0] == []


def test_missing_socket_is_reported_as_qemu_does(start, tmp_path):
    vm = start(qemu=("-chardev", "socket,id=x,path=/nonexistent/x"))
    assert vm.wait() == 1
    assert vm.stderr.rest() == (
        b"qemu-system-x86_64: -chardev socket,id=x,path=/nonexistent/x: "
        b"Failed to connect to '/nonexistent/x': No such file or directory\n"
    )


def test_sigterm_ends_with_status_0_and_a_message(start):
    vm = start()
    vm.shell()
    vm.process.terminate()
    assert vm.wait() == 0
    assert b"terminating on signal 15 from pid" in vm.stderr.rest()


def test_ignored_sigterm_leaves_it_running(start):
    vm = start("--ignore-term")
    vm.shell()
    vm.process.terminate()
    assert vm.qmp().ask("query-status")["return"]["running"] is True


def test_kill_self_takes_the_guest_along(start):
    vm = start("--kill-self-after=100")
    shell = vm.shell()
    assert vm.wait() == -signal.SIGKILL
    assert shell.rest() == b""


def test_helper_outlives_sigterm_in_the_group(start, tmp_path):
    vm = start("--fork-helper")
    vm.shell()
    vm.process.terminate()
    vm.wait()
    helper = int((tmp_path / "helper.pid").read_text())
    os.kill(helper, signal.SIGTERM)
    assert os.getpgid(helper) == vm.process.pid


def test_panic_shows_and_hangs(start):
    vm = start("--panic")
    vm.console.until(b"---[ end Kernel panic")
    assert vm.process.poll() is None


def test_emergency_mode_shows(start):
    start("--emergency").console.until(b"You are in emergency mode")


def test_silent_boot_still_opens_the_shell(start):
    vm = start("--silent")
    vm.shell().send(b"poweroff\n")
    assert vm.wait() == 0
    assert vm.console.rest() == b""


def test_console_lines_all_arrive(start):
    vm = start("--console-lines=20000")
    assert vm.console.until(b"Startup finished").count(b"fake: boot line") == 20000


def test_console_garbage_holds_a_megabyte_line(start):
    assert b"x" * (1 << 20) in start("--console-garbage").console.until(b"Startup finished")


def test_console_input_is_kept_and_echoed(start, tmp_path):
    vm = start(f"--console-input-file={tmp_path}/typed")
    vm.console.until(b"Startup finished")
    vm.process.stdin.write(b"root\n")
    vm.process.stdin.flush()
    vm.console.until(b"root\r\n")
    assert (tmp_path / "typed").read_bytes() == b"root\n"


def test_dump_args_shows_arguments_and_environment(start, tmp_path):
    vm = start(
        environment={"FAKE_VM_OPTS": "--dump-args=args", "QEMU_VDE_SOCKET_1": "/vde1.ctl"}
    )
    vm.shell()
    arguments, environment = (tmp_path / "args").read_text().split("-- environment --\n")
    assert arguments.startswith("-qmp\nunix:")
    assert f"cwd={tmp_path}\n" in environment
    assert "QEMU_VDE_SOCKET_1=/vde1.ctl\n" in environment


def test_unknown_option_is_refused():
    done = subprocess.run([FAKE_VM, "--nosuch"], capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (2, b"fake_vm: unknown option --nosuch\n")


def write_unit(vm, name, text=""):
    (vm.directory / "guest" / "units" / name).write_text(text)


def test_systemctl_knows_the_default_targets(start):
    output, _ = run(start().shell(), "systemctl show -p ActiveState multi-user.target")
    assert output == "ActiveState=active\n"


def test_systemctl_show_of_an_unknown_unit(start):
    output, status = run(start().shell(), "systemctl --no-pager show nosuch")
    assert status == 0
    assert "LoadState=not-found\n" in output
    assert "ActiveState=inactive\n" in output


def test_systemctl_start_makes_a_unit_active(start):
    vm = start()
    shell = vm.shell()
    write_unit(vm, "web.service")
    assert run(shell, "systemctl start web && systemctl is-active web") == ("active\n", 0)


def test_systemctl_start_can_fail(start):
    vm = start()
    shell = vm.shell()
    write_unit(vm, "web.service", "on-start=failed\n")
    assert run(shell, "systemctl start web 2>/dev/null")[1] == 1
    assert run(shell, "systemctl is-active web") == ("failed\n", 3)


def test_systemctl_unit_changes_after_some_looks(start):
    vm = start()
    shell = vm.shell()
    write_unit(vm, "web.service", "ActiveState=activating\nafter-shows=2:active\n")
    look = "systemctl show --property=ActiveState web; "
    assert run(shell, look + look)[0] == "ActiveState=activating\nActiveState=active\n"


def test_systemctl_lists_the_jobs_file(start):
    vm = start()
    shell = vm.shell()
    assert run(shell, "systemctl list-jobs --full")[0] == "No jobs running.\n"
    (vm.directory / "guest" / "jobs").write_text("7 web.service start running\n")
    assert "7 web.service start running\n" in run(shell, "systemctl list-jobs --full")[0]


def test_systemctl_keeps_user_units_apart(start):
    vm = start()
    shell = vm.shell()
    (vm.directory / "guest" / "units-user" / "app.service").write_text("ActiveState=active\n")
    command = "su -l alice --shell /bin/sh -c 'echo $USER; systemctl --user is-active app'"
    assert run(shell, command) == ("alice\nactive\n", 0)


def test_shell_garbage_comes_before_the_spawning_line(start):
    vm = start("--shell-garbage")
    shell = channel(vm.shell_server.accept()[0])
    assert shell.until(SPAWNING).startswith(b"\0\xff\x1b[0m")
    assert run(shell, "echo hello") == ("hello\n", 0)


# ------------------------------------------------------------------------------------------ faults


def go_wrong(vm, what):
    (vm.directory / "guest" / "control").write_text(f"fault {what}\n")


def test_what_is_asked_for_during_a_reboot_happens(start):
    vm = start(reboot=True)
    shell = vm.shell()
    with (vm.directory / "guest" / "control").open("w") as control:
        shell.send(b"reboot\n")
        shell.until(SPAWNING)
        control.write("fault closed shell\n")
    assert shell.rest() == b""


@pytest.mark.parametrize("options", [(), ("--relay",)])
def test_fault_closes_the_shell_channel(start, options):
    vm = start(*options)
    shell = vm.shell()
    go_wrong(vm, "closed shell")
    assert shell.rest() == b""
    assert vm.process.poll() is None


def test_relay_carries_a_megabyte(start):
    output, _ = run(start("--relay").shell(), "head -c 1000000 /dev/zero | tr '\\0' x")
    assert output == "x" * 1000000


def test_fault_without_relay_is_refused(start):
    vm = start()
    vm.shell()
    go_wrong(vm, "slow shell")
    assert vm.wait() == 1
    assert b"takes --relay" in vm.stderr.rest()


def test_silent_channel_keeps_what_it_would_say(start):
    vm = start("--relay")
    shell = vm.shell()
    go_wrong(vm, "silent shell")
    qmp = vm.qmp()
    qmp.ask("query-status")  # the request came before
    shell.send(b"echo heard\n")
    assert not select.select([shell.fd], [], [], 0.3)[0]


def test_slow_channel_takes_time_for_each_byte(start):
    vm = start("--relay")
    shell = vm.shell()
    go_wrong(vm, "slow shell")
    vm.qmp().ask("query-status")
    begin = time.monotonic()
    shell.send(b"echo 12345\n")
    shell.until(b"12345\n")
    assert time.monotonic() - begin >= 0.5


def test_babbling_monitor_still_answers(start):
    vm = start("--fault=babbling:monitor")
    monitor = channel(vm.monitor_server.accept()[0])
    monitor.send(b"info status\n")
    monitor.until(b"VM status: running")
    monitor.until(b'"BABBLE"')


def test_half_an_answer_is_the_last(start):
    vm = start()
    vm.shell()
    qmp = vm.qmp()
    go_wrong(vm, "half qmp")
    assert run_monitor(vm, "info status")  # the request came before
    qmp.channel.send(b'{"execute": "query-name"}')
    assert 0 < len(os.read(qmp.channel.fd, 65536)) < len('{"return": {"name": "machine"}}')
    assert not select.select([qmp.channel.fd], [], [], 0.2)[0]


def run_monitor(vm, command):
    monitor = vm.monitor()
    monitor.send(command.encode() + b"\n")
    return monitor.until(PROMPT)


def test_answer_comes_twice(start):
    vm = start("--fault=twice:qmp")
    vm.monitor()
    qmp = Qmp(vm.directory / "qmp", negotiate=False)
    assert qmp.message() == qmp.greeting


def test_closed_console_is_closed_while_the_machine_lives(start):
    vm = start("--fault=closed:console", "--no-backdoor")
    assert vm.qmp().ask("query-status")["return"]["running"]
    assert vm.console.rest() == b""


def test_slow_console(start):
    vm = start("--fault=slow:console", "--no-backdoor")
    begin = time.monotonic()
    vm.console.until(b"[    0.0")
    assert time.monotonic() - begin >= 0.5


def test_guest_path_stands_before_all(start, tmp_path):
    (tmp_path / "tools").mkdir()
    program = tmp_path / "tools" / "hostname"
    program.write_text("#!/bin/sh\necho stand-in\n")
    program.chmod(0o755)
    output, _ = run(start(f"--guest-path={tmp_path}/tools").shell(), "hostname")
    assert output == "stand-in\n"
