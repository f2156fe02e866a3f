"""Fails on a circle of imports in the Python package, and on one against the direction of its folders.

Each import in a file counts: those that only type checkers follow and those in a function, too. An
import of a.b is one of the package a as well, except in a itself.
"""

import ast

from report import report

PACKAGE = "test_driver"

# Files that every folder may use. What these use among themselves has no circles, no more.
BASE = {"_ntd", "_engine", "_declared", "config", "display", "duration", "errors"}

# What a folder, or a file outside of all folders, may use beside those.
USES = {
    "process": set(),
    "files": set(),
    "logger": set(),
    "debug": {"files", "logger"},
    "firmware": {"files"},
    "screen": {"files", "logger"},
    "machine": {"files", "firmware", "logger", "screen"},
    "network": {"logger", "machine", "process"},
    "script": {"debug", "logger", "machine", "process"},
    "driver": {"debug", "logger", "machine", "network", "process", "screen", "script"},
    "repl": {"driver", "logger", "process"},
    "reference": {"debug", "driver", "logger", "machine", "network", "script"},
    "main": {"debug", "driver", "logger", "process", "repl"},
    "": {"script"},
    # Names under which scripts import what is in a folder. No file of ours uses them.
    "efi": {"firmware"},
    "polling_condition": {"script"},
    "qmp": {"machine"},
    "vlan": {"network"},
    "vsock": {"network"},
}


def modules_of(folder):
    """The files of the package by the names of their modules."""
    found = {}
    for file in sorted([*folder.rglob("*.py"), *folder.rglob("*.pyi")]):
        parts = (folder.name, *file.relative_to(folder).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = file
    return found


def names_of(tree):
    """The dotted names that a file imports, with their lines; the last part may be no module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def with_packages(name):
    """A module, and the packages that it is in."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


def imports_of(module, modules):
    """The modules of ours that a module imports, with the line of the first import of each."""
    own = set(with_packages(module))
    found = {}
    for name, line in names_of(ast.parse(modules[module].read_text())):
        target = name if name in modules else name.rpartition(".")[0]
        if target not in modules:
            continue
        found.setdefault(target, line)
        for package in with_packages(target)[1:]:
            if package not in own:
                found.setdefault(package, line)
    return found


def circles(graph):
    """Of the modules that reach each other one shortest way around for each such group."""
    told = set()
    for start in sorted(graph):
        way = way_around(start, graph)
        if way and told.isdisjoint(way):
            told.update(way)
            yield way


def way_around(start, graph):
    """The shortest way from a module back to itself; None if there is none."""
    ways = [[start]]
    seen = set()
    for way in ways:
        for target in sorted(graph[way[-1]]):
            if target == start:
                return [*way, start]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return None


def unit_of(module):
    """The folder that a module is in, or the file that it is."""
    return module.split(".")[1] if "." in module else ""


def against_direction(unit, target):
    if unit == target or target in BASE:
        return False
    return unit in BASE or target not in USES[unit]


def faults(root):
    modules = modules_of(root / "python" / PACKAGE)
    graph = {module: imports_of(module, modules) for module in modules}
    for way in circles(graph):
        yield f"circle: {' -> '.join(way)}"
    for module, targets in graph.items():
        unit = unit_of(module)
        if unit not in USES and unit not in BASE:
            yield f"{modules[module]}: {unit} is not in the table"
            continue
        used = {(line, unit_of(target)) for target, line in targets.items() if target != PACKAGE}
        for line, target in sorted(used):
            if against_direction(unit, target):
                yield f"{modules[module]}:{line}: {unit or PACKAGE} must not use {target}"


if __name__ == "__main__":
    report(faults)
