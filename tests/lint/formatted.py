"""Fails on a C++ file that clang-format would change; 77 (skipped) without clang-format.

Versions format differently, so only the one that the project uses counts.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "14"
SKIPPED = 77


def find_clang_format():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        if program := shutil.which(name):
            said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            if re.search(rf"version {VERSION}\.", said):
                return program
    return None


def main():
    program = find_clang_format()
    if program is None:
        print(f"skipped: there is no clang-format {VERSION} here")
        return SKIPPED
    root = Path(sys.argv[1])
    files = [
        file
        for folder in ("src", "include", "tests")
        for file in sorted((root / folder).rglob("*"))
        if file.suffix in (".cpp", ".h")
    ]
    return subprocess.run([program, "--dry-run", "-Werror", *files]).returncode


if __name__ == "__main__":
    sys.exit(main())
