"""Waits for units through systemd's bus in the guest, and failures of that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Result, Workspace

RunDriver = Callable[..., Result]

# A stand-in for the bus socket of the guest's systemd. `bus.say(unit)` sends a signal, together
# with unrelated ones; `bus.questions` counts the answers.
BUS = r"""
import atexit, socket, struct, threading, time

def aligned(data, to):
    return data + bytes(-len(data) % to)

def string(data, text):
    return aligned(data, 4) + struct.pack("<I", len(text)) + text.encode() + b"\0"

def message(kind, body, signature, *fields):
    header = b""
    for code, kind_of_field, value in fields:
        header = aligned(header, 8) + bytes([code, 1]) + kind_of_field.encode() + b"\0"
        header = string(header, value) if isinstance(value, str) else header + value
    header = aligned(header, 8) + b"\x08\x01g\0" + bytes([len(signature)]) + signature + b"\0"
    start = b"l" + bytes([kind, 1, 1]) + struct.pack("<II", len(body), 1)
    return aligned(start + struct.pack("<I", len(header)) + header, 8) + body

def path_of(unit):
    return "/org/freedesktop/systemd1/unit/" + unit.replace(".", "_2e").replace("-", "_2d")

def change(unit):
    return message(4, string(string(b"", "org.freedesktop.systemd1.Unit"), "failed"), b"ss",
        (1, "o", path_of(unit)), (2, "s", "org.freedesktop.DBus.Properties"),
        (3, "s", "PropertiesChanged"))

class Bus:
    def __init__(self, state):
        self.state = state
        self.questions = 0
        self.clients = []
        self.socket = socket.socket(socket.AF_UNIX)
        place = web.state_dir / "guest" / "systemd-bus"
        atexit.register(place.unlink)
        self.socket.bind(str(place))
        self.socket.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client = self.socket.accept()[0]
            self.clients.append(client)
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        seen = b""
        while not seen.endswith(b"BEGIN\r\n"):
            seen += client.recv(1)
        client.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
        while start := client.recv(16):
            body, serial, fields = struct.unpack("<III", start[4:])
            rest = client.recv(-(-fields // 8) * 8 + body, socket.MSG_WAITALL)
            unit = rest.split(b"/unit/")[1].split(b"\0")[0].decode()
            unit = unit.replace("_2e", ".").replace("_2d", "-")
            self.questions += 1
            state = self.state(unit)
            if state:
                answer = string(aligned(b"\x01s\0", 4), state)
                self.send(client, change("other.service") + message(2, answer, b"v",
                    (5, "u", struct.pack("<I", serial))) + change("other.service"))

    def send(self, client, data):
        try:
            client.sendall(data)
        except OSError:
            self.clients.remove(client)

    def say(self, unit):
        for client in list(self.clients):
            self.send(client, change("other.service") + change(unit) + change("other.service"))

def unit_file(unit):
    return web.state_dir / "guest" / "units" / unit

def state_of(unit):
    return unit_file(unit).read_text().split("ActiveState=")[1].split()[0]

def unit(name, *lines):
    new = unit_file("." + name)
    new.write_text("".join(f"{line}\n" for line in lines))
    new.rename(unit_file(name))

def later(seconds, *calls):
    def run():
        time.sleep(seconds)
        for call in calls:
            call()
        moments.append(time.monotonic())
    thread = threading.Thread(target=run)
    thread.start()
    return thread

moments = []
web.start(allow_reboot=True)
web.connect()
"""

# Seconds within which a wait must end after a signal. Without the signal, it would end only with
# the current poll, which takes a second.
SOON = 0.4

LOGGED = "web.state_dir.joinpath('guest', 'tmp', 'shows').read_text().count('x')"


def guest_programs(workspace: Workspace, **scripts: str) -> str:
    """Options for a guest in which these scripts replace the programs of the same names."""
    directory = workspace.root / "tools"
    directory.mkdir(exist_ok=True)
    for name, script in scripts.items():
        path = directory / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)
    return f"--guest-path={directory}"


@pytest.fixture
def run(run_driver: RunDriver) -> Callable[..., Result]:
    def run(script: str, options: str = "") -> Result:
        return run_driver(BUS + script, {"web": options})

    return run


def test_change_that_systemd_tells_ends_the_wait(run: RunDriver) -> None:
    run(f"""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
later(1.5, lambda: unit("x.service", "ActiveState=active"), lambda: bus.say("x.service"))
web.wait_for_unit("x.service")
assert time.monotonic() - moments[0] < {SOON}
assert bus.questions >= 3 and len(bus.clients) == 1
""").must_succeed()


def test_change_that_nobody_tells_is_seen(run: RunDriver) -> None:
    run("""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
later(1.2, lambda: unit("x.service", "ActiveState=active"))
web.wait_for_unit("x.service")
assert time.monotonic() - moments[0] < 3
""").must_succeed()


def test_systemctl_is_hardly_asked_meanwhile(run: RunDriver, workspace: Workspace) -> None:
    count = 'echo x >>"$FAKE_GUEST_DIR/tmp/shows"; exec "$FAKE_SYSTEMCTL" "$@"'
    where = 'FAKE_SYSTEMCTL=$(PATH=${PATH#*:} type -p systemctl)\n'
    options = guest_programs(workspace, systemctl=where + count)
    run(f"""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
later(3, lambda: unit("x.service", "ActiveState=active"), lambda: bus.say("x.service"))
web.wait_for_unit("x.service")
assert {LOGGED} == 1, {LOGGED}
""", options).must_succeed()


def test_other_states_are_waited_for_the_same_way(run: RunDriver) -> None:
    run(f"""
bus = Bus(state_of)
unit("x.service", "ActiveState=deactivating")
later(1.5, lambda: unit("x.service", "ActiveState=inactive"), lambda: bus.say("x.service"))
web.wait_for_unit_active_state("x.service", "inactive")
assert time.monotonic() - moments[0] < {SOON}
""").must_succeed()


def test_failure_is_what_it_always_was(run: RunDriver) -> None:
    failed = '"ActiveState=failed", "Result=exit-code", "ExecMainCode=1", "ExecMainStatus=3"'
    result = run(f"""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
later(1.5, lambda: unit("x.service", {failed}), lambda: bus.say("x.service"))
web.wait_for_unit("x.service")
""").must_fail()
    result.must_blame(
        'unit "x.service" reached state "failed": '
        'its result is "exit-code": its main process exited with status 3'
    )


def test_job_that_is_gone_is_noticed_without_a_signal(run: RunDriver) -> None:
    result = run("""
bus = Bus(state_of)
unit("x.service", "ActiveState=inactive", "UnitFileState=enabled")
jobs = web.state_dir / "guest" / "jobs"
jobs.write_text("7 x.service start waiting\\n")
later(1.5, jobs.unlink)
web.wait_for_unit("x.service", timeout=20)
""").must_fail()
    result.must_blame('unit "x.service" is inactive and there are no pending jobs')


@pytest.mark.parametrize("limit", [0.5, 2])
def test_time_limit(run: RunDriver, limit: float) -> None:
    run(f"""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
before = time.monotonic()
with t.assertRaisesRegex(Exception, 'timed out after .*unit "x" is activating'):
    web.wait_for_unit("x", timeout={limit})
assert {limit} <= time.monotonic() - before < {limit} + 1
assert web.succeed("echo $$") != "", "and the shell is still there"
""").must_succeed()


def test_listener_ends_with_the_wait(run: RunDriver) -> None:
    run("""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
later(1, lambda: unit("x.service", "ActiveState=active"), lambda: bus.say("x.service"))
before = set(web.succeed("ls -A /tmp").split())
web.wait_for_unit("x.service")
assert len(bus.clients) == 1
bus.clients[0].settimeout(5)
time.sleep(1)
assert not {name for name in set(web.succeed("ls -A /tmp").split()) - before if ".ntd-" in name}
assert "nc -U" not in web.succeed("ps -ef | grep systemd-bus | grep -v grep || true")
""").must_succeed()


def test_commands_of_others_do_not_wait(run: RunDriver) -> None:
    run("""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
waiting = threading.Thread(target=lambda: web.wait_for_unit("x.service"))
waiting.start()
time.sleep(1)
before = time.monotonic()
for _ in range(10):
    web.succeed("true")
    time.sleep(0.15)  # so that the wait has the shell again
took = time.monotonic() - before - 1.5
unit("x.service", "ActiveState=active")
waiting.join()
assert took < 2, took  # a second each without the hurry
""").must_succeed()


def test_polling_conditions_are_checked_meanwhile(run: RunDriver) -> None:
    run("""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
checks = []
@polling_condition(seconds_interval=0.1)
def condition():
    checks.append(web.execute("true")[0])
    return True
later(3, lambda: unit("x.service", "ActiveState=active"), lambda: bus.say("x.service"))
with condition:
    web.wait_for_unit("x.service")
assert len(checks) >= 3, checks
""").must_succeed()


# ------------------------------------------------------------------------------- what goes wrong


def becomes_active(
    run: RunDriver, options: str = "", state: str = "state_of", most: float = 4
) -> None:
    """Check that a wait ends when systemctl reports the state, whatever the listener does."""
    run(f"""
bus = Bus({state})
unit("x.service", "ActiveState=activating")
later(3, lambda: unit("x.service", "ActiveState=active"))
web.wait_for_unit("x.service")
assert moments, "that was too early"
assert time.monotonic() - moments[0] < {most}
assert web.succeed("echo fine") == "fine\\n"
""", options).must_succeed()


def test_systemd_that_does_not_answer(run: RunDriver) -> None:
    becomes_active(run, state="lambda unit: None")


def test_systemd_that_says_something_else(run: RunDriver) -> None:
    becomes_active(run, state="lambda unit: 'active'")


def test_systemd_that_talks_nonsense(run: RunDriver) -> None:
    becomes_active(run, state="lambda unit: '$(reboot); \\\\n' * 1000")


def test_unit_that_changes_all_the_time(run: RunDriver) -> None:
    becomes_active(run, state="lambda unit: (bus.say(unit), state_of(unit))[1]")


FAULTS = {
    "missing": 'exit 127',
    "dies at once": 'exit 1',
    "dies later": '/usr/bin/nc "$@" & sleep 0.7; kill $!',
    "says nothing": 'exec sleep 1000',
    "introduces itself and says nothing": 'echo OK; exec sleep 1000',
    "babbles": 'echo OK; while echo -e "\\0PropertiesChanged\\0/unit/x_2eservice\\0nTaa\\0active"; do :; done',
    "babbles bytes": 'echo OK; exec cat /dev/urandom',
    "babbles before it has introduced itself": 'exec cat /dev/zero',
}


@pytest.mark.parametrize("fault", FAULTS)
def test_listener_that(run: RunDriver, workspace: Workspace, fault: str) -> None:
    becomes_active(run, guest_programs(workspace, nc=FAULTS[fault]), most=8)


def test_guest_in_which_no_fifo_can_be_made(run: RunDriver, workspace: Workspace) -> None:
    becomes_active(run, guest_programs(workspace, mkfifo="exit 1"))


def test_end_of_the_machine_ends_the_wait(run: RunDriver) -> None:
    result = run("""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
later(1.5, lambda: web.send_monitor_command("quit"))
web.wait_for_unit("x.service")
""").must_fail()
    result.must_blame("machine 'web': QEMU ")


@pytest.mark.parametrize("event", ["system_reset", "restart"])
def test_new_shell_does_not_end_the_wait(run: RunDriver, event: str) -> None:
    run(f"""
bus = Bus(state_of)
unit("x.service", "ActiveState=activating")
def restart():
    (web.state_dir / "guest" / "control").write_text("restart-shell\\n")
def system_reset():
    web.send_monitor_command("system_reset")
later(1.5, {event})
later(4, lambda: unit("x.service", "ActiveState=active"), lambda: bus.say("x.service"))
web.wait_for_unit("x.service")
assert time.monotonic() - moments[-1] < 3
""", "--boot-delay=100").must_succeed()
