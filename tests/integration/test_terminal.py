"""Interactive use of a machine's serial console on a real terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness import Conversation, Result, Workspace

SpawnDriver = Callable[..., Conversation]

CTRL_C = "\x03"
CTRL_RIGHT_BRACKET = "\x1d"


def typed(workspace: Workspace) -> Path:
    return workspace.root / "typed"


def at_the_console(spawn_driver: SpawnDriver, workspace: Workspace, script: str) -> Conversation:
    machines = {"web": f"--console-input-file={typed(workspace)}"}
    driver = spawn_driver(script, machines, terminal=True)
    driver.expect("serial console; Ctrl-] returns")
    return driver


def test_console_gets_the_keys_and_shows_the_echo(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    script = 'web.connect()\nweb.console_interact()\nprint("back", web.succeed("echo here"))'
    driver = at_the_console(spawn_driver, workspace, script)
    driver.type("hello\n")
    driver.expect("hello")
    driver.type(CTRL_C + "more\n")
    driver.expect("more")
    driver.type(CTRL_RIGHT_BRACKET)
    driver.expect("back here")
    assert driver.end() == 0
    assert typed(workspace).read_bytes() == b"hello\n\x03more\n"


def test_console_ends_with_qemu(spawn_driver: SpawnDriver, workspace: Workspace) -> None:
    script = """
        import threading
        web.connect()
        threading.Timer(0.5, web.process.kill).start()
        web.console_interact()
        print("back")
    """
    driver = at_the_console(spawn_driver, workspace, script)
    driver.expect("back")
    assert driver.end() == 0


def test_the_terminal_is_as_before_afterwards(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    script = """
        import sys, termios
        before = termios.tcgetattr(sys.stdin)
        web.console_interact()
        assert termios.tcgetattr(sys.stdin) == before
    """
    driver = at_the_console(spawn_driver, workspace, script)
    driver.type(CTRL_RIGHT_BRACKET)
    assert driver.end() == 0


def test_console_needs_a_terminal(run_driver: Callable[..., Result]) -> None:
    result = run_driver("web.console_interact()").must_fail()
    result.must_blame("console_interact() needs a terminal")
    result.must_not_say("starting vm")


def test_only_readlines_own_thread_looks_at_its_line(
    spawn_driver: SpawnDriver,
) -> None:
    script = """
        import readline, threading
        lookers = set()
        look = readline.get_line_buffer
        def get_line_buffer():
            lookers.add(threading.current_thread() is threading.main_thread())
            return look()
        readline.get_line_buffer = get_line_buffer
        threading.Timer(0.5, log.info, ["above the line"]).start()
    """
    env = {"NTD_REPL": "python"}
    driver = spawn_driver(script, args=["--interactive"], env=env, terminal=True)
    driver.expect("Ctrl-D ends all machines")
    driver.type("test_script()\n")
    driver.expect("finished: run the VM test script")
    driver.type("'the lookers are', look")
    driver.expect("above the line")
    driver.type("ers\n")
    driver.expect(r"^\('the lookers are', {True}\)")
    driver.type("exit()\n")
    assert driver.end() == 0
