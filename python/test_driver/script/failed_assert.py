"""Say why an assert statement of the script failed: its text, values, and differences."""

from __future__ import annotations

import itertools
import reprlib
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from test_driver.script.assert_parts import COMPARED, IF_TELLING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from test_driver.script.assert_parts import Check, Place

MOST_LINES = 40  # of a whole description
MOST_CHARACTERS = 300  # of a value, a line of a difference, or a piece of the source
SHORT = 60  # two values that are shown with so few characters need no difference
MOST_COMPARED = 4000  # characters of each string from which their difference is made
MOST_ITEMS = 1000  # of a list or dict, for the same


def describe(
    script: str, check: Check, parts: Sequence[tuple[Place, int]], seen: Mapping[int, Any]
) -> str:
    """The asserted expression, the values of its parts, and how strings and the like differ."""
    source = script.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    values: dict[str, None] = {}  # without repetitions
    for number in sorted(seen):
        place, how = parts[number]
        if how == COMPARED:
            continue
        value = _shown(seen[number])
        if how != IF_TELLING or not value.startswith("<"):  # such as <QemuMachine 'web'>
            values[f"  {_text_at(place, source)} = {value}"] = None
    lines = [f"assert {_text_at(check.place, source)}", *values]
    for left, right in check.equal:
        if left in seen and right in seen:
            lines += _difference(seen[left], seen[right])
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"  (and {len(lines) - MOST_LINES + 1} more lines)"]
    return "\n".join(lines)


def _text_at(place: Place, source: list[str]) -> str:
    """A piece of the source, on one line."""
    first, begin, last, end = place
    lines = [line.encode() for line in source[first - 1 : last]]  # columns count bytes
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][begin:]
    return _cut(" ".join(line.decode(errors="replace").strip() for line in lines))


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2 - 2
    return f"{text[:half]}...{text[-half:]}"


# ------------------------------------------------------------------------------ values


class _Repr(reprlib.Repr):
    """repr() that does not look at all of a large value."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxother = self.maxlong = MOST_CHARACTERS
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 30
        self.maxarray = self.maxdeque = 30

    def repr_bytes(self, value: bytes, level: int) -> str:
        if len(value) <= self.maxstring:
            return repr(value)
        return f"{value[: self.maxstring]!r}..."

    def repr_instance(self, value: object, level: int) -> str:
        return repr(value)  # the caller says what its exceptions mean


def _shown(value: object) -> str:
    try:
        text = _Repr().repr(value)
    except Exception as error:
        return f"(its repr() raised {type(error).__name__})"
    return _cut(_printable(_cut(text)))


def _printable(text: str) -> str:
    """The text with escapes for what could move a cursor, or is no character."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


# ------------------------------------------------------------------------------ differences


def _difference(left: object, right: object) -> list[str]:
    """How two different strings, lists, tuples or dicts differ; nothing if their values say it."""
    try:
        lines = _lines_of(left, right)
    except Exception:  # a class of the script's own
        return []
    if lines is None:
        return []
    differing = list(unified_diff(*lines, n=2, lineterm=""))[3:]
    if not differing:
        return []
    return ["  difference (- left, + right):", *(f"    {line[:MOST_CHARACTERS]}" for line in differing)]


def _lines_of(left: Any, right: Any) -> tuple[list[str], list[str]] | None:
    """The lines to compare; None for values that are no pair of a kind, or short."""
    if isinstance(left, str) and isinstance(right, str):
        has_lines = "\n" in left.strip("\n") or "\n" in right.strip("\n")
        return _about_the_difference(left, right) if has_lines or _is_long(left, right) else None
    for kind in (list, tuple, dict):
        if isinstance(left, kind) and isinstance(right, kind):
            return (_items(left), _items(right)) if _is_long(left, right) else None
    return None


def _is_long(left: object, right: object) -> bool:
    return max(len(_shown(left)), len(_shown(right))) > SHORT


def _items(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [_shown(each) for each in itertools.islice(value, MOST_ITEMS)]
    some = itertools.islice(value.items(), MOST_ITEMS)
    return sorted(f"{_shown(key)}: {_shown(each)}" for key, each in some)


def _about_the_difference(left: str, right: str) -> tuple[list[str], list[str]]:
    """The lines of two strings from shortly before their first difference."""
    at = _first_difference(left, right)
    begin = left.rfind("\n", 0, at) + 1
    if at - begin > SHORT:
        before, begin = "...", at - SHORT // 2
    else:
        before, begin = "", left.rfind("\n", max(begin - 1 - SHORT, 0), max(begin - 1, 0)) + 1
    if left.endswith("\n") and right.endswith("\n"):
        left, right = left[:-1], right[:-1]
    pieces = (before + text[begin : at + MOST_COMPARED] for text in (left, right))
    first, second = (list(map(_printable, piece.split("\n"))) for piece in pieces)
    return first, second


def _first_difference(left: str, right: str) -> int:
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
