"""Test scripts as Python code: failures and tracebacks, ways to end, global names, imports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import AT_ONCE, Result, Workspace

RunDriver = Callable[..., Result]


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


# --------------------------------------------------------------------------------------- tracebacks


def test_assertion_shows_its_line(run_driver: RunDriver) -> None:
    result = run_driver('x = 1\n\nassert x == 2, "x is wrong"\n').must_fail()
    assert lines_of(result.failure) == [
        "Traceback (most recent call last):",
        '  File "<string>", line 3, in <module>',
        '    assert x == 2, "x is wrong"',
        "AssertionError: x is wrong",
        "  note: assert x == 2",
        "    x = 1",
    ]


def test_assertion_without_a_message(run_driver: RunDriver) -> None:
    result = run_driver("assert not web.booted is False").must_fail()
    result.must_blame('File "<string>", line 1', "assert not web.booted is False", "AssertionError")


def test_frames_of_nested_functions(run_driver: RunDriver) -> None:
    script = """
        def inner(text):
            raise ValueError(text)

        def outer():
            inner("from below")

        outer()
    """
    result = run_driver(script).must_fail()
    assert lines_of(result.failure) == [
        "Traceback (most recent call last):",
        '  File "<string>", line 8, in <module>',
        "    outer()",
        '  File "<string>", line 6, in outer',
        '    inner("from below")',
        '  File "<string>", line 3, in inner',
        "    raise ValueError(text)",
        "ValueError: from below",
    ]


def test_frames_of_the_driver_are_not_shown(run_driver: RunDriver) -> None:
    script = """
        retry(lambda last: web.succeed("false"))
    """
    result = run_driver(script).must_fail()
    frame = 'File "<string>", line 2, in '
    result.must_blame(f"{frame}<module>", f"{frame}<lambda>")
    assert "test_driver" not in result.failure
    assert result.failure.count("File ") == 2


def test_syntax_error(run_driver: RunDriver) -> None:
    result = run_driver("x = 1\nif x ==:\n    pass\n").must_fail()
    result.must_blame('File "<string>", line 2', "if x ==:", "^", "SyntaxError: invalid syntax")
    result.must_not_say("starting vm")


def test_machine_failure_names_command_and_status(run_driver: RunDriver) -> None:
    result = run_driver('web.succeed("exit 5")').must_fail()
    assert lines_of(result.failure)[-1] == (
        "RequestedAssertionFailed: command `exit 5` failed (exit code 5)"
    )


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("raise Exception", "Exception"),
        ('raise Exception("two\\nlines")', "Exception: two\nlines"),
        ("{}['key']", "KeyError: 'key'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("no_such_name", "NameError: name 'no_such_name' is not defined"),
        ("class Own(BaseException): pass\nraise Own('mine')", "Own: mine"),
    ],
)
def test_any_exception_fails_the_test(run_driver: RunDriver, statement: str, text: str) -> None:
    run_driver(statement).must_fail().must_blame(text)


def test_exception_that_cannot_be_printed(run_driver: RunDriver) -> None:
    script = """
        class Bad(Exception):
            def __str__(self):
                raise RuntimeError("not even this")
        raise Bad()
    """
    run_driver(script).must_fail().must_blame('File "<string>", line 5', "Bad")


def test_syntax_warning_is_no_error(run_driver: RunDriver) -> None:
    run_driver("x = 1\nassert x is 1\n", env={"PYTHONWARNINGS": "default"}).must_succeed()


def test_errors_can_be_caught_by_their_names(run_driver: RunDriver) -> None:
    script = """
        from test_driver.errors import MachineError, RequestedAssertionFailed
        from test_driver.machine import Machine as SameMachine
        assert SameMachine is Machine
        for wrong, kind in (
            (lambda: web.succeed("false"), RequestedAssertionFailed),
            (lambda: web.succeed("false"), AssertionError),
            (lambda: web.wait_until_succeeds("false", timeout=0.1), RequestedAssertionFailed),
            (lambda: web.execute("kill -KILL $PPID", timeout=30), MachineError),
        ):
            try:
                wrong()
            except kind:
                continue
            raise SystemExit(kind.__name__)
    """
    run_driver(script).must_succeed()


# -------------------------------------------------------------------------------------- ways to end


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(0)", 0),
        ("import sys; sys.exit(1)", 1),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('a reason')", 1),
        ("import sys; sys.exit([1, 2])", 1),
        ("exit(4)", 4),
        ("quit(5)", 5),
        ("exit()", 0),
        ("raise SystemExit(6)", 6),
        ("raise SystemExit(True)", 1),
        ("raise SystemExit(256 + 7)", 7),
        ("raise SystemExit(-1)", 255),
        ("def f(): exit(8)\nf()", 8),
    ],
)
def test_script_may_choose_its_status(run_driver: RunDriver, statement: str, status: int) -> None:
    result = run_driver(f"{statement}\nraise Exception('not reached')")
    assert result.returncode == status, str(result)
    result.must_say("cleanup")


def test_text_of_sys_exit_is_shown(run_driver: RunDriver) -> None:
    run_driver('raise SystemExit("nothing to test here")').must_fail("nothing to test here")


def test_exit_of_a_thread_is_that_of_the_thread(run_driver: RunDriver) -> None:
    script = """
        import sys, threading
        thread = threading.Thread(target=sys.exit, args=(9,))
        thread.start()
        thread.join()
    """
    run_driver(script).must_succeed()


def test_thread_that_still_runs_does_not_keep_the_driver(run_driver: RunDriver) -> None:
    script = """
        import threading
        web.connect()
        work = threading.Thread(target=web.wait_until_succeeds, args=("false",), daemon=True)
        work.start()
    """
    assert run_driver(script).must_succeed().seconds < AT_ONCE


def test_atexit_functions_run(run_driver: RunDriver) -> None:
    result = run_driver('import atexit; atexit.register(print, "good bye")').must_succeed()
    assert "good bye\n" in result.stdout


# -------------------------------------------------------------------------------------------- names


def test_name_is_not_main(run_driver: RunDriver) -> None:
    run_driver('assert __name__ != "__main__", __name__').must_succeed()


def test_file_name_of_the_script(run_driver: RunDriver) -> None:
    script = """
        def f(): pass
        assert f.__code__.co_filename == "<string>"
    """
    run_driver(script).must_succeed()


def test_functions_see_later_globals(run_driver: RunDriver) -> None:
    script = """
        def f():
            return later
        later = 5
        assert f() == 5
        assert [later for _ in range(2)] == [5, 5]
        class C:
            x = later
        assert C.x == 5 and "later" in globals()
    """
    run_driver(script).must_succeed()


def test_machine_is_the_only_machine(run_driver: RunDriver) -> None:
    run_driver('assert machine is web and machine.name == "web"').must_succeed()
    run_driver('assert "machine" not in globals()', {"a": "", "b": ""}).must_succeed()


def test_machine_named_machine_among_others(run_driver: RunDriver) -> None:
    script = 'assert machine.name == "machine" and other.name == "other"'
    run_driver(script, {"machine": "", "other": ""}).must_succeed()


def test_machines_are_sorted_by_name(run_driver: RunDriver) -> None:
    script = """
        assert [m.name for m in machines] == ["a", "b", "c"]
        assert repr(a) == "<QemuMachine 'a'>"
    """
    run_driver(script, {"c": "", "a": "", "b": ""}).must_succeed()


def test_names_become_identifiers(run_driver: RunDriver) -> None:
    script = """
        assert web_1.name == "web-1" and _nd.name == "2nd" and a_b.name == "a.b"
    """
    run_driver(script, {"web-1": "", "2nd": "", "a.b": ""}).must_succeed()


def test_symbols_may_be_shadowed(run_driver: RunDriver) -> None:
    script = """
        log = web
        web = None
        start_all = machines = driver = subtest = retry = os = 5
        assert log.succeed("echo still there") == "still there\\n"
        def succeed(): return 1
        print = str
    """
    run_driver(script).must_succeed()


def test_globals_live_until_the_machines_are_dead(run_driver: RunDriver) -> None:
    script = """
        class Disk:
            def __init__(self, process):
                self.process, self.exists, self.say = process, os.path.exists, print
            def __del__(self):
                self.say("disk removed, machine lives:", self.exists(self.process), flush=True)
        web.start()
        disk = Disk(f"/proc/{web.pid}/exe")
    """
    result = run_driver(script).must_succeed()
    assert "disk removed, machine lives: False\n" in result.stdout, str(result)


def test_machines_made_by_the_script_end_with_it(run_driver: RunDriver) -> None:
    script = """
        command = machines[0].start_command
        one = create_machine(command, name="one")
        two = create_machine(start_command=command)
        assert two.name == "web2" or two.name == "web"
        one.start()
    """
    run_driver(script, {"web2": ""}).must_succeed().must_say("one: kill machine")


def test_subtest_groups_and_reports(run_driver: RunDriver) -> None:
    script = """
        with subtest("first part"):
            web.succeed("true")
        with subtest("second part"):
            assert False, "broken"
    """
    result = run_driver(script).must_fail("subtest: first part", "subtest: second part")
    result.must_say("(finished: subtest: first part, in").must_blame("AssertionError: broken")


def test_non_ascii_script(run_driver: RunDriver) -> None:
    script = 'assert web.succeed("echo ☃ ü") == "☃ ü\\n", "ä"\nassert False, "schön ☃"'
    run_driver(script, env={"LANG": "C", "LC_ALL": "C"}).must_fail().must_blame("schön ☃")


# ------------------------------------------------------------------------------------------ imports


def test_modules_of_pythonpath(run_driver: RunDriver, workspace: Workspace) -> None:
    workspace.write("own_module.py", "def answer(): return 42\n")
    env = {"PYTHONPATH": str(workspace.scripts)}
    run_driver("import own_module\nassert own_module.answer() == 42", env=env).must_succeed()


def test_own_module_does_not_hide_the_drivers(run_driver: RunDriver, workspace: Workspace) -> None:
    workspace.write("logger.py", "raise Exception('the wrong one')\n")
    workspace.write("driver.py", "raise Exception('the wrong one')\n")
    run_driver("web.start()", env={"PYTHONPATH": str(workspace.scripts)}).must_succeed()


def test_failure_in_an_imported_module(run_driver: RunDriver, workspace: Workspace) -> None:
    workspace.write("helper_module.py", "def work():\n    raise KeyError('lost')\n")
    env = {"PYTHONPATH": str(workspace.scripts)}
    result = run_driver("import helper_module\nhelper_module.work()", env=env).must_fail()
    result.must_blame("helper_module.work()", "KeyError: 'lost'")


def test_virtual_environment_is_honoured(run_driver: RunDriver, workspace: Workspace) -> None:
    venv = workspace.root / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    packages = next(Path(venv, "lib").iterdir()) / "site-packages"
    (packages / "only_in_venv.py").write_text("answer = 43\n")
    script = """
        import only_in_venv, sys
        assert only_in_venv.answer == 43
        assert sys.prefix == os.environ["VIRTUAL_ENV"], sys.prefix
    """
    run_driver(script, env={"VIRTUAL_ENV": str(venv)}).must_succeed()


def test_virtual_environment_of_another_python_is_left_alone(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    other = workspace.root / "venv" / "lib" / "python2.7" / "site-packages"
    other.mkdir(parents=True)
    run_driver("import json", env={"VIRTUAL_ENV": str(workspace.root / "venv")}).must_succeed()


def test_numpy_can_be_imported(run_driver: RunDriver) -> None:
    script = "import numpy\nassert numpy.arange(4).sum() == 6"
    result = run_driver(script)
    if "No module named 'numpy'" in result.stderr:
        pytest.fail("numpy is not installed for the Python that the driver was built with")
    result.must_succeed()


def test_subprocesses_of_the_script(run_driver: RunDriver) -> None:
    script = """
        import subprocess, multiprocessing, sys
        assert subprocess.check_output(["echo", "x"], text=True) == "x\\n"
        code = "import sys; print(sys.version_info[0])"
        assert subprocess.check_output([sys.executable, "-c", code], text=True) == "3\\n"
    """
    run_driver(script).must_succeed()


def test_stdin_of_the_driver_may_be_closed(workspace: Workspace) -> None:
    command = workspace.command('assert web.succeed("echo x") == "x\\n"')
    shell = ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *command.argv]
    workspace.run(type(command)(shell, command.env)).must_succeed()


def test_home_need_not_exist(run_driver: RunDriver) -> None:
    run_driver('web.succeed("true")', env={"HOME": "/homeless-shelter"}).must_succeed()
    run_driver('web.succeed("true")', env={"HOME": None}).must_succeed()


def test_working_directory_is_the_callers(run_driver: RunDriver) -> None:
    run_driver('web.start()\nassert os.getcwd() == "/usr", os.getcwd()', cwd="/usr").must_succeed()


def test_answers_of_qmp_may_be_too_deep_for_pythons_stack(run_driver: RunDriver) -> None:
    script = """
        import unittest.mock
        from test_driver.errors import MachineError
        web.start()
        deep = '{"return": ' + 100_000 * "[" + 100_000 * "]" + "}"
        with unittest.mock.patch.object(web, "_qmp_send", lambda *_: deep):
            with t.assertRaisesRegex(MachineError, "no room on Python's stack"):
                web.qmp_client.send("query-status")
        assert web.qmp_client.send("query-status")["return"]["running"]
    """
    run_driver(script).must_succeed()


# ------------------------------------------------------------------------- more than one exception


def test_the_failure_before_a_failing_clean_up_is_named(run_driver: RunDriver) -> None:
    script = """
        with subtest("important"):
            try:
                web.succeed("exit 7")
            finally:
                web.succeed("exit 5")
    """
    result = run_driver(script).must_fail()
    before = "while handling RequestedAssertionFailed: command `exit 7` failed (exit code 7) (line 4)"
    assert lines_of(result.failure) == [
        'Test "important" failed with error: "command `exit 5` failed (exit code 5)"',
        f"  {before}",
        "Traceback (most recent call last):",
        '  File "<string>", line 6, in <module>',
        '    web.succeed("exit 5")',
        "RequestedAssertionFailed: command `exit 5` failed (exit code 5)",
        f"  {before}",
    ]


def test_causes_and_notes_are_named(run_driver: RunDriver) -> None:
    script = """
        def below():
            error = KeyError("port")
            error.add_note("of the settings\\nof web")
            raise error
        try:
            below()
        except KeyError as error:
            raise ValueError("no settings") from error
    """
    result = run_driver(script).must_fail()
    assert lines_of(result.failure)[3:] == [
        "ValueError: no settings",
        "  caused by KeyError: 'port' (line 5)",
        "    note: of the settings",
        "    of web",
    ]


def test_a_cause_that_is_denied_is_not_named(run_driver: RunDriver) -> None:
    script = """
        try:
            {}["port"]
        except KeyError:
            raise ValueError("no settings") from None
    """
    assert "KeyError" not in run_driver(script).must_fail().failure.split("\n\n")[-1]


def test_members_of_groups_are_named(run_driver: RunDriver) -> None:
    script = """
        import asyncio
        async def fail(number):
            web.fail(f"exit {number}" if number else "true")
            raise OSError(f"member {number}")
        async def run():
            async with asyncio.TaskGroup() as group:
                for number in range(3):
                    group.create_task(fail(number))
        asyncio.run(run())
    """
    result = run_driver(script).must_fail()
    assert "(3 sub-exceptions)" in result.failure, str(result)
    result.must_blame(
        "  1 of 3: RequestedAssertionFailed: command `true` unexpectedly succeeded (line 4)",
        "  2 of 3: OSError: member 1 (line 5)",
        "  3 of 3: OSError: member 2 (line 5)",
    )


def test_others_are_bounded(run_driver: RunDriver) -> None:
    script = """
        def fail(number):
            try:
                raise KeyError(number)
            finally:
                if number < 2000:
                    fail(number + 1)
        import sys
        sys.setrecursionlimit(10_000)
        try:
            fail(0)
        except Exception as error:
            raise ExceptionGroup("many", [error] + [ValueError(n) for n in range(2000)]) from None
    """
    result = run_driver(script).must_fail()
    result.must_blame("1 of 2001: KeyError: 2000", "  (there are more)")
    assert len(lines_of(result.failure)) < 20, str(result)


def test_exceptions_that_cause_each_other(run_driver: RunDriver) -> None:
    script = """
        one, other = ValueError("one"), ValueError("other")
        one.__cause__, other.__cause__ = other, one
        raise one
    """
    result = run_driver(script).must_fail().must_blame("caused by ValueError: other")
    assert result.failure.count("ValueError: ") == 2, str(result)


def test_frames_of_modules_of_the_test(run_driver: RunDriver, workspace: Workspace) -> None:
    file = workspace.write("helper_module.py", "def port(settings):\n    return settings['port']\n")
    env = {"PYTHONPATH": str(workspace.scripts)}
    result = run_driver("import helper_module\nhelper_module.port({})", env=env).must_fail()
    assert lines_of(result.failure) == [
        "Traceback (most recent call last):",
        '  File "<string>", line 2, in <module>',
        "    helper_module.port({})",
        f'  File "{file}", line 2, in port',
        "    return settings['port']",
        "KeyError: 'port'",
    ]


@pytest.mark.parametrize("kind", ["Exception", "BaseException"])
@pytest.mark.parametrize("end", ["SystemExit(0)", "KeyboardInterrupt()", "RuntimeError('no')"])
def test_text_of_an_exception_that_raises(run_driver: RunDriver, kind: str, end: str) -> None:
    script = f"""
class Bad({kind}):
    def __str__(self):
        raise {end}
with subtest("first"):
    raise Bad
"""
    run_driver(script).must_fail().must_blame("Bad: (it cannot be shown: ")


def test_script_with_a_nul_is_refused_in_pythons_words(run_driver: RunDriver) -> None:
    run_driver("print('not run')\0\n").must_fail("null bytes").must_not_say("not run")
