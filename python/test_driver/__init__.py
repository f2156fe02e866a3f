"""The Python side of the NixOS test driver: what only Python can shape.

Machines, networks and the log are made in C++ (module ``_ntd``); this package gives them the names
and forms that test scripts know, and runs the scripts.
"""


def generate_driver_symbols() -> None:
    """Write the file ``driver-symbols``: the names that every script finds, for PYFLAKES_BUILTINS."""
    from pathlib import Path

    from test_driver import symbols

    Path("driver-symbols").write_text(",".join(symbols.names()))
