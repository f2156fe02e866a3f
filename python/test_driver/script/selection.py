"""Run only the subtests that --subtest selects: guard the ``with`` blocks of all.

``with subtest("name"): ...`` is compiled as if the script had, all on the lines of that statement,

    with SELECTION.entered(subtest("name"), False, True):
        if SELECTION.runs():
            ...

SELECTION is no name, but a constant of the compiled code; see hidden.py.
"""

from __future__ import annotations

import ast
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from test_driver.errors import NoSuchSubtest
from test_driver.logger import subtests
from test_driver.logger.failure import FILE_NAME
from test_driver.script import hidden

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

STAND_IN = "\0 test_driver.script.selection.Selection \0"


def guard(script: ast.Module) -> Selection:
    """Rewrite the ``with`` statements of a script that begin subtests."""
    _Guard().visit(script)
    return Selection()


def check(source: str) -> None:
    """Raise NoSuchSubtest if the text of the script shows that it has none of those selected."""
    try:
        script = ast.parse(source, FILE_NAME)
    except (SyntaxError, ValueError, RecursionError):  # running it will tell
        return
    calls = (_name_of(each) for each in ast.walk(script) if _is_subtest(each))
    names = [name for name in calls if name is not None]
    if len(names) == _mentions(script) and not any(map(subtests.is_selected, names)):
        raise NoSuchSubtest(subtests.none_selected(names))


class Selection:
    """Decides for each subtest of the script, when the script comes to it, whether it runs."""

    def __init__(self) -> None:
        # A frame is at the head of one ``with`` statement at a time.
        self._decided: dict[int, list[bool]] = {}

    def entered(
        self, context: AbstractContextManager[Any], leads_to_selected: bool, is_first: bool
    ) -> AbstractContextManager[Any]:
        """The context manager to enter for an item of a ``with`` statement."""
        frame = id(sys._getframe(1))
        if is_first:  # the last statement may have failed at its head
            self._decided[frame] = []
        run = subtests.Run.current
        if (
            run is None  # a function of the script that is called at the prompt
            or not isinstance(context, subtests.Subtest)  # a function of the script's own
            or leads_to_selected
            or subtests.is_selected(context.name)
            or run.is_in_selected()
        ):
            self._decided[frame].append(True)
            return context
        self._decided[frame].append(False)
        run.skip(context.name)
        return nullcontext()

    def runs(self) -> bool:
        """Whether the block of the statement runs."""
        return all(self._decided.pop(id(sys._getframe(1)), ()))


class _Guard(ast.NodeTransformer):
    def visit_With(self, node: ast.With) -> ast.With:
        items = [item for item in node.items if _is_subtest(item.context_expr)]
        leads = any(map(_selects, node.body))
        self.generic_visit(node)
        if not items or any(map(_yields, node.body)):  # the generator of a context manager
            return node
        for item in reversed(items):
            call = item.context_expr
            arguments = [call, leads, item is items[0]]
            leads = leads or _selects(call)
            item.context_expr = hidden.call(STAND_IN, "entered", arguments, call)
        runs = hidden.call(STAND_IN, "runs", [], node)
        node.body = [ast.If(runs, node.body, [], **hidden.keywords(node))]
        return node


def _selects(node: ast.AST) -> bool:
    """Whether a selected subtest begins in this part of the script."""
    names = [_name_of(each) for each in ast.walk(node) if _is_subtest(each)]
    return any(subtests.is_selected(name) for name in names if name is not None)


def _is_subtest(node: ast.AST) -> bool:
    """Whether this is a call of ``subtest``, or of a method with that name."""
    return isinstance(node, ast.Call) and _is_mention(node.func)


def _name_of(call: Any) -> str | None:
    """The name of the subtest that a call begins; None if it is not in the script's text."""
    given = [*call.args, *(each.value for each in call.keywords if each.arg == "name")]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else None


def _is_mention(node: ast.AST) -> bool:
    return getattr(node, "id", getattr(node, "attr", None)) == "subtest"


def _mentions(script: ast.Module) -> int:
    """How often the script says ``subtest``, in calls or otherwise."""
    return sum(map(_is_mention, ast.walk(script)))


def _yields(statement: ast.AST) -> bool:
    return any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in _own(statement))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in a statement, but not those in functions that it defines."""
    yield node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        for each in ast.iter_child_nodes(node):
            yield from _own(each)
