"""Decodes screen pictures from xwd(1)."""

from __future__ import annotations

import array
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# The largest screens have 7680 x 4320 pixels.
MOST_PIXELS = 1 << 25
_LONGEST_SIDE = 32767  # the limit of X11
# Four bytes for each pixel, and the headers.
MOST_BYTES = 4 * MOST_PIXELS + (1 << 20)

_NUMBERS = struct.Struct(">25I")
_COLOUR = 12  # bytes of a colour table entry: number, red, green, blue (16 bits each), flags
_MOST_COLOURS = 1 << 16
_TYPES = {8: "B", 16: "H", 32: "I"}  # array type codes, by bits per pixel


class _Header(NamedTuple):
    """The header, see X11/XWDFile.h. The window's name follows, then the colour table."""

    size: int
    version: int
    kind: int
    depth: int
    width: int
    height: int
    x_offset: int
    byte_order: int  # 0: least significant byte first
    unit: int
    bit_order: int
    pad: int
    bits: int  # of a pixel
    stride: int  # bytes per row
    visual: int
    red: int  # bit mask of red in a pixel
    green: int
    blue: int
    bits_per_colour: int
    table_size: int
    colours: int  # entries of the colour table
    window_width: int
    window_height: int
    window_x: int
    window_y: int
    window_border: int


def ppm_of_xwd(xwd: bytes) -> bytes:
    """Convert a window dump to binary PPM with eight bits per colour.

    Raises ValueError if the dump is incomplete, too big, or of a kind that current X servers do not
    make. The dump may come from a hostile guest, so every value is checked before its use.
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
    """Extracts a colour that is one whole byte of each pixel."""

    def __init__(self, place: int, size: int) -> None:
        self._slice = slice(place, None, size)

    def of(self, row: bytes) -> bytes:
        return row[self._slice]


class _Bits:
    """Extracts a colour that is some of the bits of each pixel."""

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
    """Looks up a colour: each pixel is one byte, an index into the colour table."""

    def __init__(self, colours: bytes, which: int) -> None:
        table = bytearray(256)
        for start in range(0, len(colours), _COLOUR):
            number = int.from_bytes(colours[start : start + 4], "big")
            if number < len(table):
                table[number] = colours[start + 4 + 2 * which]  # the high byte of 16 bits
        self._table = bytes(table)

    def of(self, row: bytes) -> bytes:
        return row.translate(self._table)


def _planes(header: _Header, colours: bytes) -> list[Callable[[bytes], bytes]]:
    """The functions that extract red, green and blue from a row."""
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
    """The index of the byte that a mask covers; -1 if it does not cover exactly one."""
    size = header.bits // 8
    for place in range(size):
        if mask == 0xFF << (8 * place):
            return size - 1 - place if header.byte_order else place
    return -1
