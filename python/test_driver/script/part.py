"""Cut a test script: take the part from a line or subtest to the end."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from test_driver.logger.failure import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def beginning_at(source: str, line: int | None, subtest: str | None) -> ast.Module:
    """The script from a line or subtest on, preceded by the definitions before that place.

    Raises ValueError if there is no such place; the message lists the subtests.
    """
    if line is not None and subtest is not None:
        raise ValueError("from_line and from_subtest cannot be given together")
    script = ast.parse(source, FILE_NAME)
    begins = _begins_with(subtest) if subtest is not None else _is_at(line or 1)
    rest = _cut(script.body, begins)
    if rest is None:
        raise ValueError(_no_such_place(script, line, subtest))
    before = [each for each in script.body if each.lineno < rest[0].lineno]
    definitions = [each for each in before if isinstance(each, DEFINITIONS)]
    script.body = [*definitions, *rest]
    return script


def _cut(
    statements: list[ast.stmt], begins: Callable[[ast.stmt], bool]
) -> list[ast.stmt] | None:
    """The statements from the first one for which ``begins`` is true; None if there is none.

    If that is inside a ``with`` block, the rest of the block stays inside the block.
    """
    for number, each in enumerate(statements):
        if begins(each):
            return statements[number:]
        if isinstance(each, ast.With) and (inner := _cut(each.body, begins)):
            each.body = inner
            return statements[number:]
    return None


def _is_at(line: int) -> Callable[[ast.stmt], bool]:
    def begins(each: ast.stmt) -> bool:
        if isinstance(each, ast.With):  # a later line is looked for in its body
            return each.lineno >= line
        return (each.end_lineno or each.lineno) >= line

    return begins


def _begins_with(subtest: str) -> Callable[[ast.stmt], bool]:
    return lambda each: subtest in _subtests(each)


def _subtests(each: ast.stmt) -> Iterator[str]:
    """The names of the subtests that this ``with`` statement begins."""
    for item in each.items if isinstance(each, ast.With) else ():
        call = item.context_expr
        if not isinstance(call, ast.Call) or not call.args:
            continue
        function, name = call.func, call.args[0]
        called = getattr(function, "id", getattr(function, "attr", None))
        if called == "subtest" and isinstance(name, ast.Constant):
            yield str(name.value)


def _no_such_place(script: ast.Module, line: int | None, subtest: str | None) -> str:
    if subtest is None:
        return f"the test script ends before line {line}"
    nodes = [each for each in ast.walk(script) if isinstance(each, ast.stmt)]
    names = [repr(name) for each in nodes for name in _subtests(each)]
    return (
        f"the test script has no subtest {subtest!r} outside of functions and loops; it has "
        f"{', '.join(names) or 'none'}"
    )
