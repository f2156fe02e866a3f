"""Failed assert statements of a test script: the values that they show, and what must not change."""

from __future__ import annotations

import sys
import textwrap
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from test_driver import script as scripts  # noqa: E402
from test_driver.logger.failure import FILE_NAME  # noqa: E402

from harness import Result, Workspace  # noqa: E402

RunDriver = Callable[..., Result]


def failure_of(source: str) -> AssertionError:
    source = textwrap.dedent(source)
    with pytest.raises(AssertionError) as caught:
        exec(scripts._rewritten(source, source), {"__name__": "script"})
    assert type(caught.value) is AssertionError
    return caught.value


def passes(source: str) -> dict[str, Any]:
    source = textwrap.dedent(source)
    names: dict[str, Any] = {}
    exec(scripts._rewritten(source, source), names)
    return names


def said(source: str) -> list[str]:
    return str(failure_of(source)).split("\n")


# ------------------------------------------------------------------------------------------ values

GIVEN = """
class Machine:
    booted = False
    def succeed(self, command, **options):
        return command + "\\n"
machine, x, items, table = Machine(), 3, [1, 2, 3], {"key": {"a": 5}}
"""


@pytest.mark.parametrize(
    ("test", "values"),
    [
        ('machine.succeed("db") == "web"', ["machine.succeed(\"db\") = 'db\\n'"]),
        ("x == 2", ["x = 3"]),
        ("not x", ["x = 3"]),
        ("1 < x < len(items) < 9", ["x = 3", "len(items) = 3", "items = [1, 2, 3]"]),
        ("9 < x < no_such_name", ["x = 3"]),
        ("x == 3 and 4 in items", ["x = 3", "items = [1, 2, 3]"]),
        ("x == 4 or machine.booted", ["x = 3", "machine.booted = False"]),
        ("not x and no_such_name", ["x = 3"]),
        ('table["key"]["a"] == x', ['table["key"]["a"] = 5', *"""table["key"] = {'a': 5}
table = {'key': {'a': 5}}
x = 3""".split("\n")]),
        ("items[x - 1] > x + 1", ["items[x - 1] = 3", "items = [1, 2, 3]", "x - 1 = 2", "x = 3",
                                 "x + 1 = 4"]),
        ("any(each > 7 for each in items)", ["any(each > 7 for each in items) = False"]),
        ("[each for each in items] == []", ["[each for each in items] = [1, 2, 3]"]),
        ("(lambda: x)() == 4", ["(lambda: x)() = 3"]),
        ('f"{x}" == "4"', ["f\"{x}\" = '3'"]),
        ("max(*items) == 4", ["max(*items) = 3"]),
        ("(y := x) == 4", ["y := x = 3"]),
        ("x is None", ["x = 3"]),
        ("isinstance(x, str)", ["isinstance(x, str) = False", "x = 3"]),
        ("-x == 3 if x else 0", ["x = 3", "-x = -3"]),
        ('"é" + str(x) == "é"', ["\"é\" + str(x) = 'é3'", "str(x) = '3'", "x = 3"]),
    ],
)  # fmt: skip
def test_values_of_parts(test: str, values: list[str]) -> None:
    assert said(f"{GIVEN}assert {test}") == [f"assert {test}", *(f"  {each}" for each in values)]


def test_expression_of_several_lines() -> None:
    source = "x = 1\nassert (\n    x\n    + 1 == 3  # why\n)\n"
    assert said(source) == ["assert x + 1 == 3", "  x + 1 = 2", "  x = 1"]


def test_message_of_the_script_stays() -> None:
    error = failure_of('x = 1\nassert x == 2, "x is wrong"')
    assert error.args == ("x is wrong",)
    assert error.__notes__ == ["assert x == 2\n  x = 1"]
    assert failure_of("x = 1\nassert x == 2, ('a', x)").args == (("a", 1),)
    assert not hasattr(failure_of('assert False, "never"'), "__notes__")
    assert failure_of("assert 0").args == ()


def test_message_is_evaluated_only_if_needed() -> None:
    passes("x = 1\nassert x, no_such_name\n")
    source = "x = 0\nassert x, no_such_name\n"
    with pytest.raises(NameError) as caught:
        passes(source)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize(
    ("left", "right", "difference"),
    [
        (r"'a\nb\nc'", r"'a\nB\nc'", [" a", "-b", "+B", " c"]),
        ("'x' * 100 + 'y'", "'x' * 100 + 'z'", [f"-...{'x' * 30}y", f"+...{'x' * 30}z"]),
        (r"'a\nb\x1b[2J'", r"'a\nb'", [" a", r"-b\x1b[2J", "+b"]),
        ("list(range(50))", "list(range(49))", [" 47", " 48", "-49"]),
        ("dict.fromkeys('cab' * 9, 'v' * 30)", "dict.fromkeys('ba', 'v' * 30)",
         [f" 'a': '{'v' * 30}'", f" 'b': '{'v' * 30}'", f"-'c': '{'v' * 30}'"]),
    ],
)  # fmt: skip
def test_difference(left: str, right: str, difference: list[str]) -> None:
    lines = said(f"left, right = {left}, {right}\nassert left == right")
    at = lines.index("  difference (- left, + right):")
    assert lines[at + 1 :] == [f"    {line}" for line in difference]
    passes(f"left = right = {left}\nassert left == right")
    assert "  difference (- left, + right):" not in said(f"left = {left}\nassert not left == left")


def test_difference_to_a_constant() -> None:
    lines = said('text = "a\\nb"\nassert text == "a\\nc"')
    assert lines[-3:] == ["     a", "    -b", "    +c"]


@pytest.mark.parametrize(
    "value",
    [
        "'x' * 10**7",
        "['y' * 1000] * 1000",
        "{each: 'z' * 1000 for each in range(1000)}",
        "b'z' * 10**7",
        "'\\n'.join(map(str, range(10**5)))",
        "[[[[[[[0] * 30] * 30] * 30] * 30] * 30] * 30]",
    ],
)
def test_large_values_are_cut(value: str) -> None:
    lines = said(f"value = {value}\nassert value == type(value)()")
    assert len(lines) <= 40
    assert max(map(len, lines)) < 400


def test_values_that_cannot_be_shown() -> None:
    source = """
        class Bad:
            def __repr__(self):
                raise ZeroDivisionError
            def __eq__(self, other):
                return False
        assert [Bad()] == Bad()
    """
    assert said(source)[1:] == ["  [Bad()] = (its repr() raised ZeroDivisionError)",
                                "  Bad() = (its repr() raised ZeroDivisionError)"]  # fmt: skip


# ------------------------------------------------------------------------- what must not change


def test_parts_are_evaluated_once_and_in_order() -> None:
    source = """
        seen = []
        def tell(value):
            seen.append(value)
            return value
        assert tell(1) + tell(2) == tell(3) and (tell(0) or tell([4])[tell(0)] == tell(4))
        assert 1 < tell(5) < tell(6) and not tell(0)
    """
    assert passes(source)["seen"] == [1, 2, 3, 0, [4], 0, 4, 5, 6, 0]


def test_script_sees_no_other_names() -> None:
    source = """
        given = set(globals())
        assert set(globals()) - given == {"given"} and set(dir()) == set(globals())
        def function(x):
            assert dir() == ["x"] and locals() == {"x": 1}
            assert eval("x") == 1
            assert [n for n in globals() if not n.isidentifier()] == []
        function(1)
        class Own:
            __secret = 4
            def check(self):
                assert self.__secret == 4 and super().__init__() is None
            assert "check" in locals() and (there := 5) == 5
            assert sorted(n for n in dir() if n[0] != "_") == ["check", "there"]
        Own().check()
    """
    passes(source)


def test_recursion_and_generators_keep_their_values_apart() -> None:
    source = """
        def deep(n):
            assert n == 0 or deep(n - 1)
            return True
        deep(50)
        def generator(n):
            assert n == (yield n)
        one, two = generator(1), generator(2)
        next(one), next(two)
        try:
            one.send(3)
        except AssertionError as error:
            first = str(error)
        try:
            two.send(4)
        except AssertionError as error:
            second = str(error)
    """
    names = passes(source)
    assert names["first"].split("\n")[1:] == ["  n = 1", "  yield n = 3"]
    assert names["second"].split("\n")[1:] == ["  n = 2", "  yield n = 4"]


def test_values_are_not_kept() -> None:
    source = """
        import weakref
        class Own:
            def no(self):
                raise KeyError
        assert (last := weakref.ref(own := Own()))
        assert own is last()
        try:
            assert own.no()
        except KeyError:
            pass
        del own
        gone = last() is None
    """
    assert passes(source)["gone"]


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\nassert x == 2\n",
        "x = 1\nassert (\n    x ==\n    2\n)\n",
        "x = 1\nassert x == 2, (\n   'why'\n)\n",
        "def f():\n    assert (\n\n        g()\n    )\ndef g():\n    return 1 / 0\nf()\n",
        "try:\n    1 / 0\nexcept Exception:\n    assert (\n      not\n  True)\n",
        "assert not (lambda: [])() is \\\n   None and 0\n",
    ],
)
def test_lines_of_tracebacks(source: str) -> None:
    def lines(code: Any) -> list[int | None]:
        try:
            exec(code, {})
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            return [frame.lineno for frame in frames if frame.filename == FILE_NAME]
        return []

    plain = lines(compile(source, FILE_NAME, "exec", dont_inherit=True))
    assert plain and lines(scripts._rewritten(source, source)) == plain


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\nassert x is 1\n",
        'x = 1\nassert (x, "y")\n',
        "x = 1\nassert x.real == '\\d'\n",
        "assert 'a'()\n",
        "assert [1, 2]['a']\n",
        "x = 1\nassert [x]['a'] == 1 is x\n",
        "assert (1, 2)[1.5](x)\n",
        "assert ==\n",
        "assert 1\nreturn\n",
        "assert x\nbreak\n",
        "def f():\n    assert x\n    global x\n",
        "assert (yield)\n",
        "assert x := 1\n",
    ],
)
def test_warnings_and_syntax_errors(source: str) -> None:
    def told(build: Callable[[], object]) -> list[Any]:
        error: Any = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                build()
            except SyntaxError as wrong:
                error = wrong
        found: list[Any] = [(each.category, str(each.message), each.lineno) for each in caught]
        return [*found, error and (type(error), error.args)]

    plain = told(lambda: compile(source, FILE_NAME, "exec", dont_inherit=True))
    assert plain != [None]
    assert told(lambda: scripts._rewritten(source, source)) == plain


# ------------------------------------------------------------------------------------ in the driver


def test_values_in_the_log(run_driver: RunDriver) -> None:
    result = run_driver('assert web.succeed("echo db") == "web\\n"').must_fail()
    assert result.failure.splitlines()[-2:] == [
        'AssertionError: assert web.succeed("echo db") == "web\\n"',
        "  web.succeed(\"echo db\") = 'db\\n'",
    ]


def test_very_deep_expression_still_runs(run_driver: RunDriver) -> None:
    deep = " + ".join(["1"] * 900)
    run_driver(f"x = 1\nassert x + {deep} == 901\nprint('done')").must_succeed()


def test_part_of_a_script_shows_values(workspace: Workspace) -> None:
    command = workspace.command("x = 1\n\nassert x == 2\n", args=["--interactive"])
    result = workspace.run(command, stdin="test_script()\ntest_script(from_line=2)\n")
    assert result.must_succeed().failure.count("AssertionError: assert x == 2\n  x = 1") == 2
