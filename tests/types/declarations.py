"""Writes _declared.py into the current directory: the engine's methods of machines in Python's words.

It is a test script, for the engine is in the driver alone; the target `declarations` runs it. What pybind11 says of a function has the
names and the defaults of its parameters, and types, in words that its versions do not agree on.
"""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import _ntd

HEAD = '''\
"""What scripts see of the engine's methods of machines: signatures, types, documentation.

Made from src/bindings by tests/types/declarations.py; not to be changed by hand. Type checkers read
it, and help(); a run without mistakes does not.
"""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

from test_driver.duration import DEFAULT_LIMIT, KEY_DELAY

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from pathlib import Path

    from test_driver._engine import engine
    from test_driver.duration import Duration
else:

    class engine:
        """Only for checkers machines have what the package alone uses."""

        BaseMachine = QemuMachine = NspawnMachine = object
'''
BASES = {
    "BaseMachine": "engine.BaseMachine",
    "QemuMachine": "BaseMachine, engine.QemuMachine",
    "NspawnMachine": "BaseMachine, engine.NspawnMachine",
}
WIDTH = 100

# What pybind11 writes, by version, and what Python calls it now.
TYPES = [
    (r"typing\.SupportsInt( \| typing\.SupportsIndex)?|SupportsInt", "int"),
    (r"typing\.", ""),
    (r"Optional\[(\w+)\]", r"\1 | None"),
    (r"\bDict\b", "dict"),
    (r"\bself: [\w.]+", "self"),
    (r"\*args\b", "*commands: str"),  # it has no names for those
]


def declaration(owner, name, function):
    """The method as Python has it, with its text and without code."""
    signature, _, text = function.__doc__.partition("\n")
    for written, meant in TYPES:
        signature = re.sub(written, meant, signature)
    text = inspect.cleandoc(text.strip())
    assert text and "\\" not in text and '"""' not in text, f"{owner}.{name}: {text}"
    if "\n" in text:
        text += "\n"
    return f'{head(signature)}\n{textwrap.indent(quoted(text), "    ")}\n'


def quoted(text):
    return f'"""{text}"""'


def head(signature):
    """The line of ``def``, or some, as formatters write it; within a class."""
    [function] = ast.parse(f"def {signature}: ...").body
    parameters = parameters_of(function.args)
    returned = f" -> {ast.unparse(function.returns)}:"
    line = f"def {function.name}({', '.join(parameters)}){returned}"
    if len(line) + 4 <= WIDTH:
        return line
    inside = f"    {', '.join(parameters)}"
    if len(inside) + 4 > WIDTH:
        inside = "".join(f"    {parameter},\n" for parameter in parameters).rstrip("\n")
    return f"def {function.name}(\n{inside}\n){returned}"


def parameters_of(arguments):
    defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
    found = [shown(*each) for each in zip(arguments.args, defaults)]
    if arguments.vararg:
        found.append("*" + shown(arguments.vararg, None))
    elif arguments.kwonlyargs:
        found.append("*")
    return found + [shown(*each) for each in zip(arguments.kwonlyargs, arguments.kw_defaults)]


def shown(argument, default):
    text = ast.unparse(argument)
    if default is None:
        return text
    value = ast.unparse(default).replace("'", '"')
    return f"{text} = {value}" if argument.annotation else f"{text}={value}"


def class_text(owner, base):
    bound = vars(getattr(_ntd, owner))
    parts = [declaration(owner, name, bound[name]) for name in _ntd.methods_of(owner, "")]
    return f"class {owner}({base}):\n" + textwrap.indent("\n".join(parts), "    ", str.strip)


classes = [class_text(owner, base) for owner, base in BASES.items()]
Path("_declared.py").write_text("\n\n".join([HEAD, *classes]))
