"""What to press on a US keyboard for a character."""

from __future__ import annotations

# In the names of QEMU's monitor. Characters that are not here are their key's name themselves. The
# engine has the same table (keymap.h); this one is for scripts that press keys themselves.
CHAR_TO_KEY: dict[str, str] = {
    "-": "minus",
    "_": "shift-minus",
    "=": "equal",
    "+": "shift-equal",
    "[": "bracket_left",
    "{": "shift-bracket_left",
    "]": "bracket_right",
    "}": "shift-bracket_right",
    ";": "semicolon",
    ":": "shift-semicolon",
    "'": "apostrophe",
    '"': "shift-apostrophe",
    "`": "grave_accent",
    "~": "shift-grave_accent",
    "\\": "backslash",
    "|": "shift-backslash",
    ",": "comma",
    "<": "shift-comma",
    ".": "dot",
    ">": "shift-dot",
    "/": "slash",
    "?": "shift-slash",
    "!": "shift-1",
    "@": "shift-2",
    "#": "shift-3",
    "$": "shift-4",
    "%": "shift-5",
    "^": "shift-6",
    "&": "shift-7",
    "*": "shift-8",
    "(": "shift-9",
    ")": "shift-0",
    " ": "spc",
    "\n": "ret",
    **{letter.upper(): f"shift-{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"},
}
