"""Objects that compiled code calls, and that no name leads to: constants of the code."""

from __future__ import annotations

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    import ast
    from types import CodeType
    from typing import Any
else:
    import _ast as ast  # the module ast takes ten times as long to import


def call(stand_in: str, method: str, arguments: list[Any], at: Any) -> ast.Call:
    """A call of a method of the object that ``stand_in`` stands for, at the place of a node."""
    place = keywords(at)
    hidden = ast.Constant(stand_in, **place)
    given = [each if isinstance(each, ast.AST) else ast.Constant(each, **place) for each in arguments]
    return ast.Call(ast.Attribute(hidden, method, ast.Load(), **place), given, [], **place)


def keywords(node: Any) -> dict[str, Any]:
    """The place of a node, for another node."""
    return {
        "lineno": node.lineno,
        "col_offset": node.col_offset,
        "end_lineno": node.end_lineno,
        "end_col_offset": node.end_col_offset,
    }


def put_in(code: CodeType, objects: dict[str, Any]) -> CodeType:
    """The code with each object in place of the constant that stands for it."""

    def real(constant: Any) -> Any:
        if isinstance(constant, type(code)):
            return put_in(constant, objects)
        return objects.get(constant, constant) if isinstance(constant, str) else constant

    return code.replace(co_consts=tuple(map(real, code.co_consts)))
