"""Subtests: --keep-going and --subtest."""

from __future__ import annotations

import signal
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from harness import Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

KEEP_GOING = ("--keep-going",)

SCRIPT = """
    def check():
        with subtest("inner"):
            web.succeed("exit 3")
        print("after inner")

    with subtest("first"):
        assert len("three") == 3
    with subtest("passes"):
        pass
    with subtest("outer"):
        check()
        print("end of outer")
    print("end")
"""


def cases(workspace: Workspace) -> dict[str, list[str]]:
    """The cases of the JUnit report, and what is in them."""
    report = ElementTree.parse(workspace.out / "report.xml")
    return {
        case.attrib["name"]: [
            f"{part.tag}: {part.get('message', '')}".rstrip(": ")
            for part in case
            if not part.tag.startswith("system-")
        ]
        for case in report.iter("testcase")
    }


# ------------------------------------------------------------------------------------- --keep-going


def test_next_subtest_runs_after_a_failed_one(run_driver: RunDriver, workspace: Workspace) -> None:
    args = [*KEEP_GOING, "--junit-xml", "report.xml"]
    result = run_driver(SCRIPT, args=args).must_fail()
    assert "after inner\nend of outer\nend\n" in result.stdout
    assert result.failure.endswith("""
subtest "first" failed: AssertionError: assert len("three") == 3 (line 8)
    len("three") = 5
subtest "inner" failed: RequestedAssertionFailed: command `exit 3` failed (exit code 3) (line 4)
2 of 4 subtests failed""")
    result.must_say('Test "inner" failed with error: "command `exit 3` failed (exit code 3)"')
    result.must_blame('  File "<string>", line 4, in check\n    web.succeed("exit 3")')
    result.must_not_say('Test "outer" failed', "test script finished")
    assert cases(workspace) == {
        "first": ['failure: AssertionError: assert len("three") == 3'],
        "passes": [],
        "outer": [],
        "inner": ["failure: RequestedAssertionFailed: command `exit 3` failed (exit code 3)"],
    }
    failures = ElementTree.parse(workspace.out / "report.xml").iter("failure")
    assert ["Traceback" in (each.text or "") for each in failures] == [True, True]


def test_first_failure_ends_the_test_without_the_option(run_driver: RunDriver) -> None:
    result = run_driver(SCRIPT).must_fail()
    assert "after inner" not in result.stdout
    result.must_not_say("subtests failed", "subtest: passes")


def test_all_subtests_pass(run_driver: RunDriver) -> None:
    script = 'with subtest("one"):\n    pass\n'
    run_driver(script, args=KEEP_GOING).must_succeed().must_not_say("!!!")


def test_failure_outside_of_subtests_ends_the_test(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    script = """
        with subtest("one"):
            raise KeyError("first")
        web.succeed("exit 4")
        print("not here")
    """
    args = [*KEEP_GOING, "--junit-xml", "report.xml"]
    result = run_driver(script, args=args).must_fail()
    assert "not here" not in result.stdout
    result.must_blame("exit code 4", "subtest \"one\" failed: KeyError: 'first' (line 3)")
    result.must_blame("1 of 1 subtests failed")
    assert {name: len(parts) for name, parts in cases(workspace).items()} == {"main": 1, "one": 1}


@pytest.mark.parametrize(("end", "status"), [("exit()", 1), ("exit(0)", 1), ("exit(3)", 3)])
def test_script_that_exits_after_a_failure(run_driver: RunDriver, end: str, status: int) -> None:
    result = run_driver(f'with subtest("one"):\n    1 / 0\n{end}\n', args=KEEP_GOING)
    assert result.returncode == status
    result.must_blame("1 of 1 subtests failed")


@pytest.mark.parametrize("end", ["exit(5)", "log.error('no more')"])
def test_exit_in_a_subtest_ends_the_test(run_driver: RunDriver, end: str) -> None:
    result = run_driver(f'with subtest("one"):\n    {end}\nprint("not here")', args=KEEP_GOING)
    assert result.returncode == (5 if "5" in end else 1)
    assert "not here" not in result.stdout


def test_interrupt_in_a_subtest_ends_the_test(spawn_driver: SpawnDriver) -> None:
    script = """
        import time
        with subtest("one"):
            print("ready", flush=True)
            time.sleep(1000)
        print("not here")
    """
    driver = spawn_driver(script, args=KEEP_GOING)
    driver.expect("ready")
    driver.signal(signal.SIGINT)
    assert driver.end() == -signal.SIGINT


def test_dead_machine_fails_each_subtest_that_needs_it(run_driver: RunDriver) -> None:
    script = """
        with subtest("kills"):
            web.execute("kill -KILL $PPID", timeout=30)
        with subtest("needs"):
            web.succeed("true")
        with subtest("does not"):
            pass
    """
    result = run_driver(script, args=KEEP_GOING).must_fail()
    result.must_blame("of 3 subtests failed")
    result.must_say("(finished: subtest: does not")


def test_long_reasons_are_cut_in_the_list(run_driver: RunDriver) -> None:
    script = 'with subtest("one"):\n    raise ValueError("line\\n" * 100)\n'
    result = run_driver(script, args=KEEP_GOING).must_fail()
    in_list = result.failure.partition('subtest "one" failed')[2]
    assert in_list.count("line\n") < 12


def test_decorated_function_is_a_subtest(run_driver: RunDriver) -> None:
    script = """
        @subtest("decorated")
        def check(depth):
            if depth:
                check(depth - 1)
        check(2)
    """
    result = run_driver(script).must_succeed()
    assert result.stderr.count("(finished: subtest: decorated") == 3


def test_runs_at_the_prompt_are_counted_anew(workspace: Workspace) -> None:
    script = 'with subtest("one"):\n    1 / 0\n'
    command = workspace.command(script, args=["--interactive", *KEEP_GOING])
    typed = "test_script()\ntest_script()\nwith subtest('typed'):\n    1 / 0\n\n"
    result = workspace.run(command, stdin=typed).must_succeed()
    assert result.stderr.count("1 of 1 subtests failed") == 2
    result.must_say('Test "typed" failed', "ZeroDivisionError: division by zero")


# ---------------------------------------------------------------------------------------- --subtest

NESTED = """
    print("always")
    with subtest("one"):
        print("in one")
        with subtest("inner one"):
            print("in inner one")
    for number in (1, 2):
        with subtest(f"step {number}") as nothing:
            print("in step", number, nothing)
    def check():
        with driver.subtest("called"):
            print("in called")
    with log.subtest("two"):
        print("in two")
        check()
    with subtest("last"), subtest("of all"):
        print("in last")
    print("end")
"""


@pytest.mark.parametrize(
    ("globs", "printed"),
    [
        (["one"], ["in one", "in inner one"]),
        (["inner*"], ["in one", "in inner one"]),
        (["step 2"], ["in step 2 None"]),
        (["step ?"], ["in step 1 None", "in step 2 None"]),
        (["two"], ["in two", "in called"]),
        (["two", "step [!2]"], ["in step 1 None", "in two", "in called"]),
        (["last"], ["in last"]),
        (["of all"], ["in last"]),
        (["*"], ["in one", "in inner one", "in step 1 None", "in step 2 None", "in two",
                 "in called", "in last"]),
    ],
)  # fmt: skip
def test_selected_subtests_run(
    run_driver: RunDriver, globs: list[str], printed: list[str]
) -> None:
    args = [word for glob in globs for word in ("--subtest", glob)]
    result = run_driver(NESTED, machines={}, args=args).must_succeed()
    lines = result.stdout.splitlines()
    begin = lines.index("always")
    assert lines[begin:] == ["always", *printed, "end"], str(result)


def test_outer_subtest_runs_for_an_inner_one_alone(run_driver: RunDriver) -> None:
    script = """
        with subtest("outer"):
            print("in outer")
            with subtest("a"):
                print("in a")
            with subtest("b"):
                print("in b")
    """
    result = run_driver(script, args=["--subtest", "b"]).must_succeed()
    assert result.stdout.endswith("in outer\nin b\n")


def test_skipped_subtests_are_reported(run_driver: RunDriver, workspace: Workspace) -> None:
    args = ["--subtest", "two", "--junit-xml", "report.xml"]
    log = workspace.out / "log.xml"
    result = run_driver(NESTED, args=args, env={"LOGFILE": str(log)}).must_succeed()
    lines = result.stderr.splitlines()
    assert "subtest: one (skipped)" in lines and "subtest: step 2 (skipped)" in lines
    result.must_not_say("inner one")
    found = cases(workspace)
    assert {name for name, parts in found.items() if parts == ["skipped"]} == {
        "one", "step 1", "step 2", "last", "of all"}  # fmt: skip
    assert found["two"] == found["called"] == []
    suite = next(ElementTree.parse(workspace.out / "report.xml").iter("testsuite"))
    assert (suite.attrib["tests"], suite.attrib["skipped"]) == ("7", "5")
    assert "subtest: one (skipped)" in log.read_text()


def test_nothing_is_started_if_no_subtest_matches(run_driver: RunDriver) -> None:
    script = """
        print("not here")
        with subtest("one"):
            pass
        def function():
            with driver.subtest(name="two"):
                pass
    """
    args = ["--subtest", "on", "--subtest", "three"]
    result = run_driver(script, args=args, vlans=[1]).must_fail()
    message = "no subtest matches 'on' or 'three'; the test script has 'one', 'two'"
    assert result.failure == f"NoSuchSubtest: {message}"
    assert "not here" not in result.stdout
    result.must_not_say("start all VLans")
    nothing = run_driver("print('not here')", args=args).must_fail()
    nothing.must_blame("the test script has none")


def test_names_of_the_run_are_listed_if_none_matched(run_driver: RunDriver) -> None:
    script = """
        for number in (1, 1, 2):
            with subtest(f"step {number}"):
                print("not here")
    """
    result = run_driver(script, args=["--subtest", "three"]).must_fail()
    result.must_blame("no subtest matches 'three'; the test script has 'step 1', 'step 2'")
    assert "not here" not in result.stdout


def test_generators_of_the_script_still_yield(run_driver: RunDriver) -> None:
    script = """
        from contextlib import contextmanager
        @contextmanager
        def phase(name):
            with subtest(name):
                yield
        with phase("one"):
            print("in one")
        with subtest("two"):
            print("in two")
    """
    result = run_driver(script, args=["--subtest", "two"]).must_succeed()
    assert result.stdout.endswith("in one\nin two\n")


def test_failed_head_of_a_statement_leaves_nothing(run_driver: RunDriver) -> None:
    script = """
        for names in (["x", None], ["two", "three"]):
            try:
                with subtest(names[0]), subtest(names[1].strip()):
                    print("in", names)
            except AttributeError:
                pass
    """
    result = run_driver(script, args=["--subtest", "t*"]).must_succeed()
    assert result.stdout.endswith("in ['two', 'three']\n")


def test_selection_and_keep_going(run_driver: RunDriver) -> None:
    args = ["--subtest", "outer", "--subtest", "passes", *KEEP_GOING]
    result = run_driver(SCRIPT, args=args).must_fail()
    result.must_blame("1 of 3 subtests failed")
    result.must_say("subtest: first (skipped)")


def test_selection_at_the_prompt(workspace: Workspace) -> None:
    command = workspace.command(NESTED, args=["--interactive", "--subtest", "two"])
    typed = "test_script()\ntest_script(from_subtest='two')\ncheck()\n"
    result = workspace.run(command, stdin=typed).must_succeed()
    assert result.stdout.count("in two") == 2
    assert result.stdout.count("in called") == 3
    assert "in one" not in result.stdout


def test_lines_of_a_script_with_a_selection(run_driver: RunDriver) -> None:
    script = """
        with subtest("one"):
            pass
        with subtest("two"):
            x = 2
            assert x == 1
    """
    result = run_driver(script, args=["--subtest", "two"]).must_fail()
    assert result.failure.endswith("""
  File "<string>", line 6, in <module>
    assert x == 1

AssertionError: assert x == 1
  x = 2""")
