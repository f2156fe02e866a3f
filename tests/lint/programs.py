"""Fails on code that makes a process without registering it with the orphan guard.

Only STARTERS may make processes; Python code uses ``engine.Program``.
"""

import re

from report import report

# Calls that make a process or replace its program.
IN_PYTHON = (
    r"\bsubprocess\.(?!TimeoutExpired\b)\w+|from subprocess import (?!TimeoutExpired$)"
    r"|\bos\.(fork|forkpty|popen|system|posix_spawn\w*|spawn\w+|exec[lv]\w*|startfile)\b"
    r"|\bpty\.(fork|spawn)\b|\bmultiprocessing\b|\bcreate_subprocess_\w+"
)
IN_CPP = (
    r"\b(v?fork|forkpty|popen|system|posix_spawnp?|clone|daemon|exec[lv]p?e?|execveat|fexecve)\s*\("
    r"|\b(SYS|__NR)_(v?fork|clone3?|execve(at)?)\b"
)

# The files that may make processes, and why.
STARTERS = {
    "src/os/child_process.cpp": "is the place",
    "src/os/orphan_guard.cpp": "makes the guard itself",
    "src/os/fork.cpp": "has its child end with it; nothing runs yet",
    "src/os/porter/porter.cpp": "is a program of its own, which ends with the container",
}


def code_of(text, comment):
    """The text with comments blanked out."""
    return re.sub(comment, "", text, flags=re.MULTILINE)


def faults(root):
    kinds = [
        ("python/test_driver", "*.py", IN_PYTHON, r'"""(.|\n)*?"""|#.*$'),
        ("src", "*.cpp", IN_CPP, r"//.*$"),
        ("src", "*.h", IN_CPP, r"//.*$"),
        ("include", "*.h", IN_CPP, r"//.*$"),
    ]
    unused = set(STARTERS)
    for folder, names, pattern, comment in kinds:
        for file in sorted((root / folder).rglob(names)):
            name = str(file.relative_to(root))
            found = re.search(pattern, code_of(file.read_text(), comment), re.MULTILINE)
            if found and name in STARTERS:
                unused.discard(name)
            elif found:
                yield f"{name}: `{found[0]}` makes a process that the orphan guard does not know"
    yield from (f"{name} makes no process any more" for name in sorted(unused))


if __name__ == "__main__":
    report(faults)
