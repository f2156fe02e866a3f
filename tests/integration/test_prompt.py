"""The prompt of --interactive without a terminal: input comes from a pipe."""

from __future__ import annotations

import textwrap

import pytest

from harness import Result, Workspace

SCRIPT = """
    import time

    value = 1

    def double(number):
        return 2 * number

    with subtest("first"):
        print("first:", double(value))
        value = 5

    with subtest("second"):
        print("second:", double(value))
        print("end")
"""


def at_the_prompt(workspace: Workspace, typed: str, script: str = SCRIPT, **options: str) -> Result:
    command = workspace.command(script, args=["--interactive"], env=options)
    return workspace.run(command, stdin=textwrap.dedent(typed) + "\n")


def test_failing_script_comes_back(workspace: Workspace) -> None:
    script = 'def check():\n    web.succeed("exit 3")\n\ncheck()\n'
    result = at_the_prompt(workspace, "test_script()\nrun_tests()\nprint('still here')", script)
    assert "still here" in result.must_succeed().stdout
    assert result.stderr.count("RequestedAssertionFailed: command `exit 3` failed") == 2
    assert '  File "<string>", line 2, in check\n    web.succeed("exit 3")' in result.failure


def test_script_that_exits_comes_back(workspace: Workspace) -> None:
    script = 'import sys\nif log.debug("") is None:\n    sys.exit(4)\n'
    result = at_the_prompt(workspace, "test_script()\nprint('still here')", script)
    assert "still here" in result.must_succeed().stdout
    result.must_blame("the test script ended with sys.exit(4)", "line 3")


def test_failing_command_shows_no_frames_of_ours(workspace: Workspace) -> None:
    result = at_the_prompt(workspace, "web.succeed('false')").must_succeed()
    result.must_say("RequestedAssertionFailed: command `false` failed (exit code 1)")
    result.must_not_say("Traceback", "test_driver")


def test_post_mortem_is_in_the_script(workspace: Workspace) -> None:
    script = 'def check(place):\n    web.copy_from_machine(place)\n\ncheck("/no/such")\n'
    typed = "test_script()\nimport pdb; pdb.pm()\np 'in', place\nlist\nup\nup\nq\nprint('after')\n"
    result = at_the_prompt(workspace, typed, script).must_succeed()
    assert "('in', '/no/such')" in result.stdout
    assert "2  ->\t    web.copy_from_machine(place)" in result.stdout
    assert "Oldest frame" in result.stdout and "test_driver" not in result.stdout


def test_exit_takes_a_status(workspace: Workspace) -> None:
    assert at_the_prompt(workspace, "exit(3)").returncode == 3
    assert at_the_prompt(workspace, "exit\nprint('not here')").stdout.count("not here") == 0


def test_names_of_the_script_are_there_afterwards(workspace: Workspace) -> None:
    result = at_the_prompt(workspace, "test_script()\nprint('is', double(value))")
    assert "is 10" in result.must_succeed().stdout


def test_script_runs_from_a_subtest(workspace: Workspace) -> None:
    typed = "test_script()\nvalue = 6\ntest_script(from_subtest='second')"
    result = at_the_prompt(workspace, typed).must_succeed()
    assert result.stdout.count("first: 2") == 1
    assert result.stdout.count("second: 10") == 2, "with the script's variables, not the prompt's"


@pytest.mark.parametrize("line, output", [(13, "second: 10"), (14, "second: 10"), (15, "end")])
def test_script_runs_from_a_line(workspace: Workspace, line: int, output: str) -> None:
    typed = f"test_script()\nprint('---')\ntest_script(from_line={line})"
    result = at_the_prompt(workspace, typed).must_succeed()
    again = result.stdout.partition("---")[2].splitlines()
    assert again[1].removeprefix(">>> ") == output, str(result)
    result.must_say("subtest: second")


def test_functions_are_defined_again(workspace: Workspace) -> None:
    test = workspace.scripts / "test.py"
    typed = f"""
        test_script()
        text = open("{test}").read()
        _ = open("{test}", "w").write(text.replace("2 * number", "3 * number"))
        test_script(from_subtest="second")
        test_script()
    """
    result = at_the_prompt(workspace, typed).must_succeed()
    result.must_say("has changed: reading it again")
    assert "second: 15" in result.stdout
    assert "first: 3" in result.stdout


@pytest.mark.parametrize(
    "call, reason",
    [
        ("from_subtest='third'", "has no subtest 'third' outside of functions and loops; it has "),
        ("from_line=99", "the test script ends before line 99"),
        ("from_line=1, from_subtest='first'", "cannot be given together"),
    ],
)
def test_part_that_is_not_there(workspace: Workspace, call: str, reason: str) -> None:
    at_the_prompt(workspace, f"test_script({call})").must_succeed().must_say(reason)


def test_machines_of_the_last_run_are_ended(workspace: Workspace) -> None:
    script = """
        one = create_machine(machines[0].start_command, name="one")
        one.succeed("true")
    """
    result = at_the_prompt(workspace, "test_script()\ntest_script()\nprint(len(machines))", script)
    result.must_succeed().must_say("ending machine 'one', which the last run created")
    result.must_not_say("!!!")
    assert result.stderr.count("one: QEMU running") == 2


def test_consoles_are_silenced_one_by_one(workspace: Workspace) -> None:
    typed = "serial_stdout_off(web)\nstart_all()\nserial_stdout_on(web)\nweb.log_serial('again')"
    command = workspace.command("", {"web": "", "db": ""}, args=["-I"])
    result = workspace.run(command, stdin=f"{typed}\n").must_succeed()
    result.must_say("db # <<< NixOS Stage 2 >>>", "web # again").must_not_say("web # <<< NixOS")


def test_unknown_kind_of_prompt_is_said(workspace: Workspace) -> None:
    result = at_the_prompt(workspace, "print(1 + 1)", NTD_REPL="emacs").must_succeed()
    result.must_say("NTD_REPL=emacs is none of ptipython, ptpython, ipython, python: ignored")


def test_beginning_says_what_can_be_pasted(workspace: Workspace) -> None:
    command = workspace.command("", {"web-1": "", "db": ""}, args=["-I", "--vnc"])
    result = workspace.run(command, stdin="db.start()\n").must_succeed()
    socket = workspace.base / "vm-state-web-1" / "vnc"
    assert f"web-1: vncviewer {socket}" in result.stdout
    assert "web_1.shell_interact()" in result.stdout
    result.must_say(f"db: its screen: vncviewer {workspace.base / 'vm-state-db' / 'vnc'}")
