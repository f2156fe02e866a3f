"""An interactive session with fake machines: uses each feature of the prompt once."""

from __future__ import annotations

import re
import textwrap
import time

import pytest

from harness import SLOWNESS, Command, Workspace
from recording import ANSWER, PROMPT, Recording
from terminal import PATIENCE, Terminal

PROMPT_LIMIT = 30.0 * SLOWNESS  # seconds; the prompt appears in 0.3 s on an idle host
CHATTERING = "--console-lines=400 --console-rate=20"  # prints lines for twenty seconds

SCRIPT = """\
def ask(number):
    return web.succeed(f"echo {number}; exit {number}")

with subtest("asks"):
    zero = ask(0)

with subtest("asks more"):
    ask(3)
"""


def at_the_prompt(workspace: Workspace, *args: str, **env: str) -> Command:
    machines = {"web": "", "talker": CHATTERING}
    return workspace.command(SCRIPT, machines, args=["--interactive", *args], env=env)


def test_session(workspace: Workspace, terminal: Terminal) -> None:
    session = Recording("session", terminal, workspace, PATIENCE)
    begin = time.monotonic()
    terminal.run(at_the_prompt(workspace, "--vnc"))
    session.step("The prompt, and what can be pasted there", clear=False)
    assert time.monotonic() - begin < PROMPT_LIMIT
    completion(session)
    commands(session)
    scripts(session, workspace)
    consoles(session)
    lines_of_consoles(session, terminal)
    leave_out = " # |kill machine|stderr"  # their order varies
    ended = "^exit status 0$"
    session.step("Leaving ends all machines", "exit", "Enter", until=ended, leave_out=leave_out)
    session.must_be_as_expected()


def completion(session: Recording) -> None:
    both = "wait_for_open_unix_socket"
    session.step("Tab completes methods", "web.wait_for_op", "Tab", until=both)
    session.step("A bracket: what it takes, and what it does", "en_port(", until="Wait", clear=False)
    session.step("Ctrl-C gives a new line", "C-c", clear=False)


def commands(session: Recording) -> None:
    answer = 'web.succeed("echo $((6 * 7))")'
    title = "A machine starts with the first command"
    session.step(title, answer, "Enter", until=ANSWER, leave_out="web # ")
    session.step("A command that fails", 'web.succeed("exit 3")', "Enter")
    endless = 'web.succeed("echo $$ > pid; echo runs >&2; exec sleep 100")'
    session.interrupt("a command", endless, until="web # runs")
    look = 'web.execute("kill -0 $(cat pid) 2>&- || echo ended")'
    session.step("It has ended in the guest, whose shell is there", look, "Enter", until=ANSWER)
    session.interrupt("a wait", 'web.wait_for_file("/no/such/file")', until="waiting for file")


def scripts(session: Recording, workspace: Workspace) -> None:
    failed = r"RequestedAssertionFailed: (.|\n)*" + PROMPT
    names = "^ {4}"  # the list of symbols
    title = "A script that fails comes back"
    session.step(title, "test_script()", "Enter", until=failed, leave_out=names)
    test = workspace.scripts / "test.py"
    test.write_text(SCRIPT.replace("ask(3)", "ask(int(zero))"))
    again = 'test_script(from_subtest="asks more")'
    session.step("From a subtest on, once it is mended", again, "Enter")
    session.step("From a line on", "test_script(from_line=5)", "Enter")
    session.step("What it has defined is there", "zero, ask(0)", "Enter", until=ANSWER)


def consoles(session: Recording) -> None:
    console, hint = "web.console_interact()", "returns to the driver"
    session.step("The serial console", console, "Enter", until=hint)
    keys = ("hello", "C-c", "Enter")
    title = "What is typed goes to the guest, Ctrl-C too"
    session.step(title, *keys, clear=False, until="hello")
    session.step("Ctrl-] comes back", "C-]", clear=False)


def wait_until_still(terminal: Terminal) -> None:
    """Wait until the screen has not changed for half a second, the time of ten console lines."""
    deadline = time.monotonic() + PATIENCE
    before: list[str] = []
    while (now := terminal.screen()) != before:
        assert time.monotonic() < deadline, "lines still come"
        before = now
        time.sleep(0.5)


def lines_of_consoles(session: Recording, terminal: Terminal) -> None:
    many, booting = r"(.*boot line.*\n){20}.*half a li", "NixOS|Linux|Command|init|Hostname"
    start, says = "talker.start()", "boot line"
    title = "A machine that says much"
    begun = rf"{says}(.|\n)*{PROMPT}"
    # What was typed on web's console has no newline: it is shown once it has been quiet for a while.
    session.step(title, start, "Enter", until=begun, leave_out=rf"{booting}|^web # ", squeeze=says)
    # Some of these may have scrolled off.
    earlier = rf"{booting}|^In \[\d+\]: talker|^talker: |^web # "
    title = "Its lines go above the line that is typed"
    session.step(title, "half a li", clear=False, until=many, leave_out=earlier, squeeze=says)
    whole = r"^In.*: half a line\Z"
    session.step("That is whole", "ne", clear=False, until=whole, leave_out=earlier, squeeze=says)
    earlier += "|^talker # "
    session.step("Ctrl-C gives a new line", "C-c", clear=False, leave_out=earlier)
    silence, done = "serial_stdout_off(talker)", r"off\((.|\n)*" + PROMPT
    title = "One machine is silenced"
    session.step(title, silence, "Enter", clear=False, until=done, leave_out=earlier)
    wait_until_still(terminal)


KINDS = {"ptipython": PROMPT, "ptpython": r"^>>> *\Z", "ipython": r"^In \[\d+\]: *\Z", "python": r"^>>> *\Z"}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_prompt(kind: str, workspace: Workspace, terminal: Terminal) -> None:
    prompt = KINDS[kind]
    terminal.run(at_the_prompt(workspace, NTD_REPL=kind))
    terminal.wait_for(prompt)
    terminal.type("talker.start()", "Enter")
    terminal.wait_for("boot line")
    terminal.type("print('whole")
    terminal.wait_for(r"(.*boot line.*\n){10}.*print\('whole")
    terminal.type(" line')", "Enter")
    terminal.wait_for("^whole line$")
    terminal.type('web.succeed("sleep 100")', "Enter")
    terminal.wait_for("must succeed: sleep 100")
    terminal.type("C-c")
    terminal.wait_for("^KeyboardInterrupt$")
    terminal.type("serial_stdout_off()", "Enter", "test_script()", "Enter")
    terminal.wait_for("!!! RequestedAssertionFailed")
    terminal.wait_for(prompt)
    terminal.type("exit(3)", "Enter")
    terminal.wait_for("^exit status 3$")
    assert '+web.succeed("sleep 100")' in (workspace.root / ".nixos-test-history").read_text()


@pytest.mark.parametrize("doing", ["", 'web.succeed("sleep 100")\n'])
def test_closed_terminal_ends_all(doing: str, workspace: Workspace, terminal: Terminal) -> None:
    terminal.run(at_the_prompt(workspace))
    terminal.wait_for(PROMPT)
    terminal.type('web.succeed("true")', "Enter")
    terminal.wait_for("finished: must succeed")
    terminal.type(*([doing.strip(), "Enter"] if doing else []))
    terminal.wait_for("must succeed: sleep" if doing else PROMPT)
    terminal.close()  # the fixture checks that nothing is left


def test_debugger(workspace: Workspace, terminal: Terminal) -> None:
    session = Recording("debugger", terminal, workspace, PATIENCE)
    script = textwrap.dedent("""
        answer = 41
        debug.breakpoint()
        answer += 1
        web.succeed(f"test {answer} = 42")
    """)
    terminal.run(workspace.command(script, args=["--debug-hook-attach", "/bin/attach"]))
    waits = r"attach to it with: \(cat (\S+); cat\) \| telnet 127\.0\.0\.1 (\d+)"
    session.step("The test waits for somebody", until=waits, clear=False)
    attach = re.search(waits, "\n".join(terminal.screen()))
    assert attach
    environment = workspace.environment({})
    connect = f"(cat {attach[1]}; cat) | socat - TCP:127.0.0.1:{attach[2]}"
    terminal.run(Command(["sh", "-c", connect], environment), "debugger")
    ask = {"clear": False, "name": "debugger"}
    session.step("A debugger over TCP", until=r"\(Pdb\)", **ask)
    session.step("It shows", "p answer", "Enter", until=r"^41\n\(Pdb\)\Z", **ask)
    stepped = r"<string>\(5\)(.|\n)*\(Pdb\)\Z"
    session.step("It steps", "next", "Enter", until=stepped, **ask)
    session.step("The test goes on", "continue", "Enter", "C-d", until="exit status", **ask)
    boot = "web # |kill|stderr|: waiting|Guest|connect|running"
    session.step("To its end", until="^exit status 0", clear=False, leave_out=boot)
    session.must_be_as_expected()
