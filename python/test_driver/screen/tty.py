"""Reads the text of Linux virtual consoles."""

from __future__ import annotations

import itertools

# Newer kernels put this after a character that is two columns wide.
PADDING = "\u200b"


def look_at(tty: str) -> str:
    """The command that prints the console's size (rows and columns) and its cells as hexadecimal
    numbers: 32-bit characters if the kernel has them, else the glyph numbers in the font, one byte
    each."""
    return (
        f"stty -F /dev/tty{tty} size; "
        f"od -A n -v -t x4 /dev/vcsu{tty} 2>/dev/null || od -A n -v -t x1 /dev/vcs{tty}"
    )


def text_of(look: str) -> str:
    """The text from that command's output, one line for each row."""
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
