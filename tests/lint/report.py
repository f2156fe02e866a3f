"""The common main function of the checks in this directory."""

import sys
from pathlib import Path


def report(faults):
    """Print what ``faults`` finds in the directory named on the command line, one per line, and
    exit with status 1 if there is anything."""
    found = list(faults(Path(sys.argv[1])))
    print(*found, sep="\n")
    sys.exit(1 if found else 0)
