"""The Python side of the NixOS test driver.

Machines, networks and the log are implemented in C++ (module ``_ntd``). This package gives them the
interface that test scripts know, and runs the scripts.

Imports take most of the time until a test begins. So the modules that every run imports have only
the imports at the top that every run needs; all others are inside functions. Those modules do not
import typing, pathlib, re, enum or contextlib. They define TYPE_CHECKING themselves, which type
checkers recognise by its name, and define Protocols only under it. tests/integration/test_start.py
has the list of modules that an empty test may import.
"""

def generate_driver_symbols() -> None:
    """Write ``driver-symbols``: the global names of every script, for PYFLAKES_BUILTINS."""
    from pathlib import Path

    from test_driver.script import symbols

    Path("driver-symbols").write_text(",".join(symbols.names()))
