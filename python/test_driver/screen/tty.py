"""Text of virtual consoles of Linux."""

from __future__ import annotations

import itertools

# Behind a character that is two columns wide newer kernels have this one.
PADDING = "\u200b"


def look_at(tty: str) -> str:
    """A command that prints the size of the console (rows and columns), and its cells as hexadecimal
    numbers: characters if the kernel has them, else the numbers of their glyphs in the font, a byte
    each."""
    return (
        f"stty -F /dev/tty{tty} size; "
        f"od -A n -v -t x4 /dev/vcsu{tty} 2>/dev/null || od -A n -v -t x1 /dev/vcs{tty}"
    )


def text_of(look: str) -> str:
    """The text in the output of that, a line for each row."""
    _, columns, *cells = look.split()
    characters = [_character(cell) for cell in cells]
    rows = itertools.zip_longest(*[iter(characters)] * int(columns), fillvalue=" ")
    return "\n".join("".join(row).replace(PADDING, "") for row in rows)


def _character(cell: str) -> str:
    number = int(cell, 16)
    if number == 0:
        return " "
    if len(cell) == 2 and not 0x20 <= number < 0x7F:
        return "\ufffd"
    return chr(number) if 0x20 <= number < 0x110000 and number != 0x7F else "\ufffd"
