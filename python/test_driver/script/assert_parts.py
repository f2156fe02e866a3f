"""What is known of an assert statement when it is compiled, for its failure."""

from __future__ import annotations

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from typing import TypeAlias

    Place: TypeAlias = tuple[int, int, int, int]
    """Line and column of the begin and the end, as in Python's syntax tree."""

SHOWN = 0
IF_TELLING = 1  # an argument, or what an attribute is taken from: shown if its repr() says something
COMPARED = 2  # a constant, kept for the difference to the value that it is compared with


class Check:
    """An assert statement."""

    def __init__(self, place: Place) -> None:
        self.place = place  # of the asserted expression
        self.equal: list[tuple[int, int]] = []  # the parts that are compared with ==
