"""The Python side of the NixOS test driver: what only Python can shape.

Machines, networks and the log are made in C++ (module ``_ntd``); this package gives them the names
and forms that test scripts know, and runs the scripts.

How long a test takes to begin is how much is imported until then. So modules that each run has
import at their top only what each run needs, and the rest where it is used. They do without typing,
pathlib, re, enum and contextlib: for type checkers, which go by the name, they set TYPE_CHECKING
themselves. So are Protocols in those modules. tests/integration/test_start.py has the list of what an
empty test may import.
"""

def generate_driver_symbols() -> None:
    """Write the file ``driver-symbols``: the names that every script finds, for PYFLAKES_BUILTINS."""
    from pathlib import Path

    from test_driver.script import symbols

    Path("driver-symbols").write_text(",".join(symbols.names()))
