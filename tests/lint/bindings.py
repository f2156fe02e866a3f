"""Fails on a binding that may block while it holds the GIL.

Checks the functions that src/bindings/bind_* exports to Python. Each must release the GIL, in
its own text or in a function of the same file that it names, or must be in QUICK, which says why
it does not block.
"""

import re

from report import report

RELEASES = re.compile(r"\bcan_block\(\)|\bgil_scoped_release\b|\bmake_blocking<")

# file: function as Python sees it (__init__ for a constructor): why it never blocks
QUICK = {
    "bind_driver": {
        "machine_name": "takes text apart",
        "python_name": "takes text apart",
        "read_config": "looks at the environment, which is Python's to change",
        "options": "returns what is there",
        "warns_of_old_forms": "reads a flag",
        "hear_signals": "is Python's own",
        "compile_script": "is Python's own",
        "is_fork": "reads a flag",
        "keeps_evidence": "reads a setting",
        "report_path": "reads a setting",
        "keep_all_objects": "is Python's own, in a fork",
    },
    "bind_log": {
        "__init__": "keeps its arguments",
    },
    "bind_machine": {
        "__init__": "keeps its argument",
        "__enter__": "counts time",
        "__exit__": "counts time",
        "begin_last": "counts time",
        "left": "counts time",
        "has_cut": "reads a flag",
        "left_now": "counts time",
        "_set_before_command": "keeps its argument",
    },
    "bind_method": {
        "__call__": "calls what is looked at here by itself",
        "__get__": "is Python's own",
        "__getattr__": "is Python's own",
        "__reduce__": "returns a text",
        "__repr__": "returns a text",
        "methods_of": "looks at what is there",
    },
    "bind_nspawn": {
        "_set_overridden": "keeps its argument",
    },
    "bind_qemu": {
        "start_command_line": "looks at the environment, which is Python's to change",
        "_set_overridden": "keeps its argument",
    },
}

COMMENT_OR_TEXT = re.compile(
    r'R"\((?P<lines>.*?)\)"|//[^\n]*|(?P<text>"(?:\\.|[^"\\\n])*")', re.DOTALL
)
LAMBDA = r"auto (?P<lambda>\w+) = \[[^;{}]*\{"
FUNCTION = r"[\w>&*]\s+(?!if\b|for\b|while\b|switch\b|catch\b)(?P<function>\w+)\([^;{}\[\]]*\{"
DEFINITION = re.compile(f"{LAMBDA}|{FUNCTION}")
BINDING = re.compile(r"\bdef(?:_static)?\(")


def code_of(file):
    """The code without comments, brackets in strings, and the text of raw strings."""

    def plain(match):
        if match["lines"] is not None:
            return "\n" * match["lines"].count("\n")
        return re.sub(r"[(){}]", "_", match["text"] or "")

    return COMMENT_OR_TEXT.sub(plain, file.read_text())


def end_of(code, begin):
    """The position after the bracket that closes the one before ``begin``."""
    depth = 1
    for place in range(begin, len(code)):
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(code[place], 0)
        if depth == 0:
            return place + 1
    return len(code)


def releasing_functions(code):
    """Names of functions and lambdas that release the GIL, or call one that does."""
    texts = {
        match["lambda"] or match["function"]: code[match.end() : end_of(code, match.end())]
        for match in DEFINITION.finditer(code)
    }
    found = set()
    while more := {
        name for name, text in texts.items() if name not in found and releases(text, found)
    }:
        found |= more
    return found


def releases(text, releasing):
    """Whether a text releases the GIL, itself or by calling one of ``releasing``."""
    return bool(RELEASES.search(text) or releasing & set(re.findall(r"\w+", text)))


def bindings(code):
    """(line, name, whole text) of each function that is exported to Python."""
    for match in BINDING.finditer(code):
        text = code[match.end() : end_of(code, match.end())]
        name = re.match(r'\s*"(\w+)"', text)
        yield code.count("\n", 0, match.start()) + 1, name[1] if name else "__init__", text


def faults(root, quick=QUICK):
    folder = root / "src" / "bindings"
    files = sorted(folder.glob("bind_*.*"))
    if not files:
        yield f"{folder} has no bindings: has it moved?"
    for file in files:
        code = code_of(file)
        releasing = releasing_functions(code)
        unused = set(quick.get(file.stem, {}))
        for line, name, text in bindings(code):
            if releases(text, releasing):
                continue
            if name not in quick.get(file.stem, {}):
                yield f"{file}:{line}: {name} may block, and keeps Python's lock"
            unused.discard(name)
        for name in sorted(unused):
            yield f"{file}: {name} is in QUICK, but needs not be"


if __name__ == "__main__":
    report(faults)
