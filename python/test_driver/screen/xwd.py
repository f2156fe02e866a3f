"""Pictures that xwd(1) takes of X servers' screens."""

from __future__ import annotations

import array
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# The largest screens have 7680 x 4320.
MOST_PIXELS = 1 << 25
_LONGEST_SIDE = 32767  # X11 has no longer one
# With four bytes for each pixel, and what comes before them.
MOST_BYTES = 4 * MOST_PIXELS + (1 << 20)

_NUMBERS = struct.Struct(">25I")
_COLOUR = 12  # bytes of a colour in the table: number, red, green, blue (16 bits each), flags
_MOST_COLOURS = 1 << 16
_TYPES = {8: "B", 16: "H", 32: "I"}  # of arrays, for bits of a pixel


class _Header(NamedTuple):
    """As X11/XWDFile.h has it. The name of the window follows, then the table of colours."""

    size: int
    version: int
    kind: int
    depth: int
    width: int
    height: int
    x_offset: int
    byte_order: int  # 0: the least significant byte of a pixel comes first
    unit: int
    bit_order: int
    pad: int
    bits: int  # of a pixel
    stride: int  # bytes of a row
    visual: int
    red: int  # the bits of a pixel that are its red
    green: int
    blue: int
    bits_per_colour: int
    table_size: int
    colours: int  # in the table of the file
    window_width: int
    window_height: int
    window_x: int
    window_y: int
    window_border: int


def ppm_of_xwd(xwd: bytes) -> bytes:
    """A window dump as binary PPM with eight bits for each colour.

    Raises ValueError if it is not a whole one, too big, or of a kind that X servers no longer have.
    A guest may have made it: of what it says only what is checked counts.
    """
    if len(xwd) < _NUMBERS.size:
        raise ValueError("no window dump")
    header = _Header(*_NUMBERS.unpack_from(xwd))
    if header.version != 7 or header.kind != 2 or header.size < _NUMBERS.size:
        raise ValueError("no window dump of the only kind that is known (version 7, Z format)")
    longest = max(header.width, header.height)
    if not 0 < header.width * header.height <= MOST_PIXELS or longest > _LONGEST_SIDE:
        raise ValueError(f"one of {header.width} x {header.height} pixels")
    row = header.width * header.bits // 8
    begin = header.size + _COLOUR * header.colours
    end = begin + header.stride * header.height
    if header.colours > _MOST_COLOURS or header.stride < row or len(xwd) < end:
        raise ValueError(f"not all of a picture of {header.width} x {header.height}")
    planes = _planes(header, xwd[begin - _COLOUR * header.colours : begin])
    ppm = bytearray(b"P6 %d %d 255\n" % (header.width, header.height))
    rgb = bytearray(3 * header.width)
    for start in range(begin, end, header.stride):
        for number, plane in enumerate(planes):
            rgb[number::3] = plane(xwd[start : start + row])
        ppm += rgb
    return bytes(ppm)


class _Bytes:
    """Each pixel has the colour in a byte of its own."""

    def __init__(self, place: int, size: int) -> None:
        self._slice = slice(place, None, size)

    def of(self, row: bytes) -> bytes:
        return row[self._slice]


class _Bits:
    """Each pixel has the colour in some of its bits."""

    def __init__(self, mask: int, bits: int, byte_order: int) -> None:
        self._type = _TYPES[bits]
        self._swap = (sys.byteorder == "big") != bool(byte_order)
        self._mask = mask
        self._shift = (mask & -mask).bit_length() - 1

    def of(self, row: bytes) -> bytes:
        pixels = array.array(self._type, row)
        if self._swap:
            pixels.byteswap()
        most = self._mask >> self._shift
        return bytes(((pixel & self._mask) >> self._shift) * 255 // most for pixel in pixels)


class _Table:
    """Each pixel, a byte, is the number of a colour."""

    def __init__(self, colours: bytes, which: int) -> None:
        table = bytearray(256)
        for start in range(0, len(colours), _COLOUR):
            number = int.from_bytes(colours[start : start + 4], "big")
            if number < len(table):
                table[number] = colours[start + 4 + 2 * which]  # the upper half of the 16 bits
        self._table = bytes(table)

    def of(self, row: bytes) -> bytes:
        return row.translate(self._table)


def _planes(header: _Header, colours: bytes) -> list[Callable[[bytes], bytes]]:
    """How red, green and blue come out of a row."""
    masks = (header.red, header.green, header.blue)
    has_masks = header.visual in (4, 5)
    if header.bits == 8 and not has_masks:
        return [_Table(colours, which).of for which in range(3)]
    places = [_place(mask, header) for mask in masks]
    if has_masks and header.bits in (24, 32) and -1 not in places:
        return [_Bytes(place, header.bits // 8).of for place in places]
    if has_masks and header.bits in _TYPES and all(masks):
        return [_Bits(mask, header.bits, header.byte_order).of for mask in masks]
    raise ValueError(f"one with {header.bits} bits a pixel of kind {header.visual}, {masks}")


def _place(mask: int, header: _Header) -> int:
    """Which byte of a pixel a mask is; -1 if it is not one."""
    size = header.bits // 8
    for place in range(size):
        if mask == 0xFF << (8 * place):
            return size - 1 - place if header.byte_order else place
    return -1
