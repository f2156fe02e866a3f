"""What the checks of this directory have in common: how they are called, and how they end."""

import sys
from pathlib import Path


def report(faults):
    """Print what ``faults`` finds in the directory that the command line names, a line each, and
    end: with status 1 if that is anything."""
    found = list(faults(Path(sys.argv[1])))
    print(*found, sep="\n")
    sys.exit(1 if found else 0)
