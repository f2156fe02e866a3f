"""Fails on files and functions that are too long.

A file has at most LONGEST_FILE lines of code (blank lines, comments and docstrings are none), a
function LONGEST_FUNCTION lines in all. One that is longer for a reason says so in a comment within
its first lines, or right above it: "Long because ...". The C++ code must be formatted by clang-format.
"""

import ast
import re

from report import report

LONGEST_FILE = 400
LONGEST_FUNCTION = 40
REASON = r"\s*(//|#) Long because \w"
FIRST_LINES = 10  # of a function, with what is right above it

# What a block begins with that is no function.
NO_FUNCTION = r"(if|else|for|while|switch|do|try|catch|return|case|namespace|struct|class|enum|union)\b"


def without_texts(text):
    """C++ with what is in raw string literals taken out: that may be code of another language. The
    lines stay."""
    return re.sub(
        r'R"(\w*)\((.*?)\)\1"', lambda match: '""' + "\n" * match[2].count("\n"), text, flags=re.S
    )


def cpp_functions(lines):
    """The name, first and last line (from 0, inclusive) of each function."""
    head = None
    for number, line in enumerate(lines):
        if not line.strip() or re.match(r"\s*(//|#|}|[\w ]+:$)", line):
            head = None
            continue
        if head is None:
            head = number
        if re.search(r"[;}]$", line):  # a declaration, a statement
            head = None
        elif line.endswith("{"):
            yield from function_at(lines, head, number)
            head = None


def function_at(lines, head, opening):
    words = " ".join(line.strip() for line in lines[head : opening + 1])
    indent = re.match(" *", lines[head])[0]
    name = re.search(r"(operator\W+|[\w:~]+)\(", words)
    if not name or re.match(NO_FUNCTION, words) or re.search(r"[=,(]\s*(\[.*)?{$", words):
        return
    last = next(
        (n for n in range(opening + 1, len(lines)) if re.match(indent + "}", lines[n])), opening
    )
    yield name[1], head, last


def python_functions(tree):
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno - 1, node.end_lineno - 1


def docstring_lines(tree):
    """The numbers of the lines (from 0) that docstrings are on."""
    numbers = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(node, clean=False) is not None:
                numbers.update(range(node.body[0].lineno - 1, node.body[0].end_lineno))
    return numbers


def size_of(lines, no_code):
    return sum(
        bool(line.strip()) and not re.match(r"\s*(//|#(?!\s*\w+\s*[<\"]))", line)
        for number, line in enumerate(lines)
        if number not in no_code
    )


def has_reason(lines, first):
    begin = first
    while begin > 0 and re.match(r"\s*(//|#|@)", lines[begin - 1]):
        begin -= 1
    return any(re.match(REASON, line) for line in lines[begin : first + FIRST_LINES])


def faults_of(file, name):
    text = file.read_text()
    lines = text.splitlines()
    if file.suffix == ".py":
        tree = ast.parse(text)
        size, functions = size_of(lines, docstring_lines(tree)), python_functions(tree)
    else:
        size = size_of(lines, ())
        functions = cpp_functions(without_texts(text).splitlines())
    if size > LONGEST_FILE:
        yield f"{name} has {size} lines of code; at most {LONGEST_FILE}"
    for function, first, last in functions:
        if last - first >= LONGEST_FUNCTION and not has_reason(lines, first):
            yield (
                f"{name}:{first + 1}: {function}() has {last - first + 1} lines; at most "
                f'{LONGEST_FUNCTION}, or a comment "Long because ..."'
            )


def faults(root):
    files = [f for folder in ("src", "include", "python") for f in (root / folder).rglob("*.*")]
    for file in sorted(files):
        if file.suffix not in (".cpp", ".h", ".py"):
            continue
        yield from faults_of(file, str(file.relative_to(root)))


if __name__ == "__main__":
    report(faults)
