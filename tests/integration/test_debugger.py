"""--debug-hook-attach: a real debugger over TCP."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from harness import PATIENCE, Conversation, Workspace, processes_with

SpawnDriver = Callable[..., Conversation]

HOOK = ["--debug-hook-attach", "/bin/attach"]


class Debugger:
    """A client at the debugger's prompt."""

    def __init__(self, driver: Conversation) -> None:
        self.number = driver.expect(r"Breakpoint reached, run 'sudo /bin/attach (\d+)'").group(1)
        self.port = int(driver.expect(r"a debugger listens on 127\.0\.0\.1:(\d+)").group(1))
        file = driver.expect(r"attach to it with: \(cat (\S+); cat\) \| telnet 127\.0\.0\.1").group(1)
        self.key_file = Path(file)
        self.socket = self.connect()
        self.socket.sendall(self.key_file.read_bytes())

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def read(self) -> str:
        """Read up to the next prompt or the end."""
        seen = b""
        while not seen.endswith(b"(Pdb) ") and (data := self.socket.recv(4096)):
            seen += data
        return seen.decode()

    def ask(self, command: str) -> str:
        self.socket.sendall(command.encode() + b"\n")
        return self.read()


def landmarks(workspace: Workspace) -> list[str]:
    return [line for _, line in processes_with(workspace.id) if line.startswith("sleep ")]


def test_a_breakpoint_stops_and_goes_on(spawn_driver: SpawnDriver, workspace: Workspace) -> None:
    script = 'x = 41\ndebug.breakpoint()\nx += 1\nprint("x is", x)\n'
    driver = spawn_driver(script, args=HOOK)
    debugger = Debugger(driver)
    assert landmarks(workspace) == [f"sleep {debugger.number}"]
    assert "<string>(3)<module>" in debugger.read()
    assert debugger.ask("p x").startswith("41\n")
    assert "x += 1" in debugger.ask("list")
    assert "<string>(4)<module>" in debugger.ask("next")
    assert debugger.ask("continue") == ""
    driver.expect("x is 42")
    assert driver.end() == 0
    assert landmarks(workspace) == []


def test_a_step_does_not_lead_behind_an_assert(spawn_driver: SpawnDriver) -> None:
    driver = spawn_driver("x = 1\ndebug.breakpoint()\nassert x == 1\nx = 2\n", args=HOOK)
    debugger = Debugger(driver)
    debugger.read()
    places = [debugger.ask("step") for _ in range(2)]
    assert all("<string>" in place for place in places), places
    assert "<string>(4)<module>" in places[-1] or "<string>(4)<module>" in debugger.ask("step")
    debugger.ask("continue")
    assert driver.end() == 0


def test_the_test_goes_on_when_the_person_hangs_up(spawn_driver: SpawnDriver) -> None:
    driver = spawn_driver('debug.breakpoint()\nprint("went on")\n', args=HOOK)
    debugger = Debugger(driver)
    debugger.read()
    debugger.socket.close()
    driver.expect("went on")
    assert driver.end() == 0


def test_a_failing_test_stops_in_its_frame(spawn_driver: SpawnDriver) -> None:
    script = 'def check(value):\n    web.succeed(f"exit {value}")\n\n\ncheck(3)\n'
    driver = spawn_driver(script, args=HOOK)
    driver.expect("!!! RequestedAssertionFailed")
    debugger = Debugger(driver)
    debugger.read()
    assert debugger.ask("p value").startswith("3\n")
    assert debugger.ask("p web.execute('echo alive')").startswith("(0, 'alive\\n')\n")
    debugger.ask("quit")
    assert driver.end() == 1


def test_another_port_is_taken_if_the_first_is_in_use(spawn_driver: SpawnDriver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        driver = spawn_driver(f"debug.breakpoint(port={port})", args=HOOK)
        debugger = Debugger(driver)
        assert debugger.port != port
        debugger.read()
        debugger.ask("continue")
        assert driver.end() == 0


def test_the_global_timeout_stands_still_for_a_person(spawn_driver: SpawnDriver) -> None:
    script = 'debug.breakpoint()\nprint("in time")\n'
    driver = spawn_driver(script, args=[*HOOK, "--global-timeout", "5"])
    debugger = Debugger(driver)
    debugger.read()
    debugger.ask("import time; time.sleep(6)")
    debugger.ask("continue")
    driver.expect("in time")
    assert driver.end() == 0


def test_the_global_timeout_counts_while_nobody_is_there(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    driver = spawn_driver("debug.breakpoint()", args=[*HOOK, "--global-timeout", "1"])
    driver.expect("a debugger listens")
    driver.expect("timeout reached")
    assert driver.end() == -15
