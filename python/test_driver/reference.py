"""The reference of --list-methods, made from signatures and docstrings."""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from test_driver.debug import DebugAbstract
from test_driver.driver import Driver
from test_driver.logger import AbstractLogger
from test_driver.machine import BaseMachine, NspawnMachine, QemuMachine
from test_driver.machine.qmp import QMPSession
from test_driver.network.vlan import Capture, VLan
from test_driver.script import symbols
from test_driver.script.polling_condition import PollingCondition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# For each section: its class, and classes whose members have been listed before.
CLASSES: dict[str, tuple[type, tuple[type, ...]]] = {
    "Every machine (BaseMachine)": (BaseMachine, ()),
    "QEMU machines (QemuMachine, Machine), further": (QemuMachine, (BaseMachine,)),
    "Containers (NspawnMachine), further": (NspawnMachine, (BaseMachine,)),
    "QMP: machine.qmp_client": (QMPSession, ()),
    "The log: log": (AbstractLogger, ()),
    "What polling_condition makes": (PollingCondition, ()),
    "Networks: vlans, vlanN": (VLan, ()),
    "What vlanN.capture() makes": (Capture, ()),
    "Debugging: debug": (DebugAbstract, ()),
    "The run: driver": (Driver, ()),
}


ABOUT_SYMBOLS = """\
Besides these each machine is there under its name (web-1 as web_1), a single one also as machine,
and each network as vlan and its number.

A Duration is a datetime.timedelta or a number of seconds. None instead means no limit for execute(),
succeed(), fail() and wait_for_console_text(), and the usual one elsewhere: 15 minutes."""

WIDTH = 100


class Member(NamedTuple):
    """An entry of the reference: a method, attribute or symbol."""

    name: str
    kind: str
    """The text after the name: a method's signature, or the type of an attribute."""
    text: str
    """The docstring; empty if there is none."""


class _Bare(str):
    """An annotation whose repr() has no quotes."""

    __repr__ = str.__str__


def text() -> str:
    """The whole reference."""
    parts = [_section("Names in a script", ABOUT_SYMBOLS, _symbols())]
    for title, (kind, told) in CLASSES.items():
        parts.append(_section(title, inspect.getdoc(kind) or "", members(kind, told)))
    return "\n\n\n".join(parts) + "\n"


def members(kind: type, told: tuple[type, ...] = ()) -> list[Member]:
    """The public members of a class of ours, without those of the classes ``told``."""
    known = {member.name for other in told for member in members(other)}
    found: dict[str, Member] = {}
    for ancestor in inspect.getmro(kind):
        if ancestor.__module__.startswith("test_driver"):
            for member in _own_members(ancestor, kind):
                if member.name not in known:
                    found.setdefault(member.name, member)
    return list(found.values())


def _own_members(owner: type, kind: type) -> Iterator[Member]:
    yield from _attributes(owner)
    for name, value in vars(owner).items():
        if name.startswith("_"):
            continue
        # From `kind`, so that an override without a docstring inherits it.
        about = inspect.getdoc(getattr(kind, name)) or ""
        if isinstance(value, property) and value.fget is not None:
            yield Member(name, f": {inspect.signature(value.fget).return_annotation}", about)
        elif isinstance(value, FunctionType):
            yield Member(name, _signature(value), about)


def _attributes(owner: type) -> Iterator[Member]:
    """The annotated attributes, each with the string below it, taken from the class's source.

    Python does not keep such strings at run time.
    """
    definition = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    assert isinstance(definition, ast.ClassDef)
    for node, below in zip(definition.body, [*definition.body[1:], None]):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if not node.target.id.startswith("_"):
                yield Member(node.target.id, f": {ast.unparse(node.annotation)}", _string(below))


def _string(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return inspect.cleandoc(str(node.value.value))
    return ""


def _signature(function: FunctionType) -> str:
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=_bare(parameter.annotation))
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    returned = signature.return_annotation
    line = str(inspect.Signature(parameters, return_annotation=_bare(returned)))
    if len(function.__name__) + len(line) <= WIDTH:
        return line
    # Split the text, not the list of parameters: that lacks a bare star or slash.
    inside = str(inspect.Signature(parameters))[1:-1]
    return f"(\n    {_one_per_line(inside)}\n) -> {returned}"


def _one_per_line(parameters: str) -> str:
    depth, lines = 0, ""
    for character in parameters:
        depth += (character in "[(") - (character in "])")
        lines += character
        if character == "," and depth == 0:
            lines += "\n   "
    return lines


def _bare(annotation: Any) -> Any:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def _symbols() -> Iterator[Member]:
    of_driver = {member.name: member for member in members(Driver)}
    for name in symbols.names():
        if name in symbols.OF_DRIVER:
            yield of_driver[symbols.OF_DRIVER[name]]._replace(name=name)
        else:
            value = Driver if name == "driver" else symbols.constant_value(name)
            yield _constant(name, value)


def _constant(name: str, value: Any) -> Member:
    if inspect.ismodule(value):
        return Member(name, "", f"The module {value.__name__}.")
    if isinstance(value, FunctionType):
        return Member(name, _signature(value), inspect.getdoc(value) or "")
    first_line, *_ = (inspect.getdoc(value) or "").splitlines()
    return Member(name, "", first_line)


def _section(title: str, about: str, content: Iterable[Member]) -> str:
    lines = [title, "=" * len(title), about]
    for member in content:
        lines += ["", member.name + member.kind, textwrap.indent(member.text, "    ")]
    return "\n".join(lines)
