"""Keys of a US keyboard for characters, and X11's names of keys."""

from __future__ import annotations

import re

# Key names of QEMU's monitor. A character that is missing here is the name of its own key. The
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
    "\t": "tab",
    "\x1b": "esc",
    "\b": "backspace",
    "\x7f": "delete",
    **{letter.upper(): f"shift-{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"},
}

# QEMU's key names that differ from those of X11.
X11_KEY_ALIASES: dict[str, str] = {
    "alt": "Alt_L",
    "alt_r": "Alt_R",
    "altgr": "ISO_Level3_Shift",
    "altgr_r": "ISO_Level3_Shift",
    "asterisk": "KP_Multiply",
    "backspace": "BackSpace",
    "bracket_left": "bracketleft",
    "bracket_right": "bracketright",
    "caps_lock": "Caps_Lock",
    "compose": "Menu",
    "ctrl": "Control_L",
    "ctrl_r": "Control_R",
    "delete": "Delete",
    "dot": "period",
    "down": "Down",
    "end": "End",
    "esc": "Escape",
    "grave_accent": "grave",
    "help": "Help",
    "home": "Home",
    "insert": "Insert",
    "kp_add": "KP_Add",
    "kp_comma": "KP_Separator",
    "kp_decimal": "KP_Decimal",
    "kp_divide": "KP_Divide",
    "kp_enter": "KP_Enter",
    "kp_equals": "KP_Equal",
    "kp_multiply": "KP_Multiply",
    "kp_subtract": "KP_Subtract",
    "left": "Left",
    "menu": "Menu",
    "meta_l": "Super_L",
    "meta_r": "Super_R",
    "num_lock": "Num_Lock",
    "pause": "Pause",
    "pgdn": "Next",
    "pgup": "Prior",
    "print": "Print",
    "ret": "Return",
    "right": "Right",
    "scroll_lock": "Scroll_Lock",
    "shift": "Shift_L",
    "shift_r": "Shift_R",
    "spc": "space",
    "sysrq": "Sys_Req",
    "tab": "Tab",
    "up": "Up",
    **{f"kp_{digit}": f"KP_{digit}" for digit in range(10)},
    **{f"f{number}": f"F{number}" for number in range(1, 25)},
}

_KEYSYM = re.compile(r"[A-Za-z0-9_]+")


def x11_key_name(key: str) -> str:
    """Translate a character or a key of QEMU (``ctrl-alt-t``) for xdotool (``Control_L+Alt_L+t``).

    Names of X11 stay as they are. Raises ValueError if the result cannot be the name of a key.
    """
    if len(key) == 1 and not key.isascii():
        return f"U{ord(key):04X}"
    names = [X11_KEY_ALIASES.get(name, name) for name in CHAR_TO_KEY.get(key, key).split("-")]
    if not all(_KEYSYM.fullmatch(name) for name in names):
        raise ValueError(f"not the name of a key: {key!r}")
    return "+".join(names)
