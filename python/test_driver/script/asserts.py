"""Make the script's assert statements keep the values that a failure shows.

``assert f(x) == 3`` is compiled as if the script had, all on that line,

    try:
        assert WITNESS.saw(0, f(WITNESS.saw(1, x))) == 3, WITNESS.failed(0)
    finally:
        WITNESS.done()

so every part is evaluated once, in the usual order, and in the script's own frame. WITNESS is no
name that a script could see, but a constant of the compiled code.
"""

from __future__ import annotations

import sys

from test_driver.script import hidden
from test_driver.script.assert_parts import COMPARED, IF_TELLING, SHOWN, Check

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator
    from typing import Any

    from test_driver.script.assert_parts import Place
else:
    import _ast as ast  # the module ast takes ten times as long to import

STAND_IN = "\0 test_driver.script.asserts.Witness \0"
LOGIC = (ast.Compare, ast.BoolOp, ast.IfExp)
BASES = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
# Never kept: a value that says nothing, or that is none.
OPAQUE = (ast.GeneratorExp, ast.Lambda, ast.Starred)


def watch(script: ast.Module, source: str) -> Witness:
    """Rewrite the asserts of a script that was parsed from ``source``."""
    witness = Witness(source)
    for body, index in _asserts(script):
        body[index] = _watched(body[index], witness)
    return witness


class Witness:
    """Keeps values of assert statements while these run, and describes those that fail."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.parts: list[tuple[Place, int]] = []  # place in the source, and SHOWN or so
        self.checks: list[Check] = []
        # A frame runs one assert statement at a time.
        self._seen: dict[int, dict[int, Any]] = {}
        self._notes: dict[int, tuple[object, str]] = {}

    def saw(self, part: int, value: object) -> object:
        frame = id(sys._getframe(1))
        seen = self._seen.get(frame)
        if seen is None:
            self._seen[frame] = {part: value}
        else:
            seen[part] = value
        return value

    def failed(self, check: int) -> str:
        """The message of a failed assert that has none of its own."""
        return self._describe(check, sys._getframe(1))

    def failed_with(self, message: object, check: int) -> object:
        """Return the message of the script. The values become a note of the exception."""
        frame = sys._getframe(1)
        text = self._describe(check, frame)
        if "\n" in text:  # else there are no values to show
            self._notes[id(frame)] = message, text
        return message

    def done(self) -> None:
        frame = id(sys._getframe(1))
        self._seen.pop(frame, None)
        if frame not in self._notes:
            return
        message, text = self._notes.pop(frame)
        error = sys.exc_info()[1]
        if isinstance(error, AssertionError) and error.args and error.args[0] is message:
            error.add_note(text)

    def _describe(self, check: int, frame: Any) -> str:
        from test_driver.script import failed_assert  # few runs need it

        seen = self._seen.get(id(frame), {})
        return failed_assert.describe(self.source, self.checks[check], self.parts, seen)


def _asserts(script: ast.Module) -> Iterator[tuple[list[Any], int]]:
    """All assert statements, each as a list of statements and the index in it."""
    todo: list[Any] = [script]
    while todo:
        block = todo.pop()
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(block, field, [])
            todo += inner
            for index, each in enumerate(inner):
                if isinstance(each, ast.Assert):
                    yield inner, index


def _watched(statement: ast.Assert, witness: Witness) -> ast.stmt:
    test = statement.test
    if isinstance(test, ast.Tuple) or _is_constant(test):  # Python warns about some of these
        return statement
    number, check = len(witness.checks), Check(_place(test))
    witness.checks.append(check)
    statement.test = _Parts(witness, check).kept(test)
    if statement.msg is None:
        statement.msg = hidden.call(STAND_IN, "failed", [number], statement)
    else:
        arguments = [statement.msg, number]
        statement.msg = hidden.call(STAND_IN, "failed_with", arguments, statement)
    place = hidden.keywords(statement)
    done = ast.Expr(hidden.call(STAND_IN, "done", [], statement), **place)
    return ast.Try([statement], [], [], [done], **place)


class _Parts:
    """Rewrites the parts of one asserted expression."""

    def __init__(self, witness: Witness, check: Check) -> None:
        self._witness = witness
        self._check = check

    def kept(self, node: Any, how: int = SHOWN) -> Any:
        """The expression, with the values of its parts kept."""
        if isinstance(node, OPAQUE) or (how != COMPARED and _is_constant(node)):
            return node
        if isinstance(node, LOGIC) or _is_not(node):  # its value says less than its operands
            self._look_into(node)
            return node
        number = len(self._witness.parts)
        self._witness.parts.append((_place(node), how))
        if how != COMPARED:
            self._look_into(node)
        return hidden.call(STAND_IN, "saw", [number, node], node)

    def _look_into(self, node: Any) -> None:
        """Rewrite the parts of an expression. Those of other kinds are left alone."""
        if isinstance(node, ast.Compare):
            self._compare(node)
        elif isinstance(node, ast.BoolOp):
            node.values = [self.kept(each) for each in node.values]
        elif isinstance(node, ast.UnaryOp):
            node.operand = self.kept(node.operand)
        elif isinstance(node, ast.IfExp):
            node.test, node.body = self.kept(node.test), self.kept(node.body)
            node.orelse = self.kept(node.orelse)
        elif isinstance(node, ast.BinOp):
            node.left, node.right = self.kept(node.left), self.kept(node.right)
        elif isinstance(node, ast.Attribute):
            node.value = self._base(node.value)
        elif isinstance(node, ast.Subscript):
            node.value = self._base(node.value)
            if isinstance(node.slice, (*BASES, ast.BinOp)):
                node.slice = self.kept(node.slice, IF_TELLING)
        elif isinstance(node, ast.Call):
            self._look_into_call(node)

    def _look_into_call(self, node: Any) -> None:
        if isinstance(node.func, ast.Attribute):
            self._look_into(node.func)
        node.args = [self.kept(each, IF_TELLING) for each in node.args]
        for each in node.keywords:
            if each.arg is not None:
                each.value = self.kept(each.value, IF_TELLING)

    def _base(self, node: Any) -> Any:
        # A literal stays in place: Python warns about some mistakes with those.
        return self.kept(node, IF_TELLING) if isinstance(node, BASES) else node

    def _compare(self, node: Any) -> None:
        equal = all(isinstance(operator, ast.Eq) for operator in node.ops)
        operands: list[Any] = []
        numbers = []
        for each in (node.left, *node.comparators):
            numbers.append(len(self._witness.parts))
            operands.append(self.kept(each, COMPARED if equal and _is_constant(each) else SHOWN))
        node.left, *node.comparators = operands
        if equal:
            self._check.equal += zip(numbers, numbers[1:])


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def _is_constant(node: Any) -> bool:
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(map(_is_constant, node.elts))
    if isinstance(node, ast.Dict):
        return all(map(_is_constant, (*node.keys, *node.values)))
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_constant(node.left) and _is_constant(node.right)
    return isinstance(node, ast.Constant)


def _place(node: Any) -> Place:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset
