"""Window dumps of xwd, from all kinds of X servers."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from test_driver.screen.xwd import ppm_of_xwd  # noqa: E402

TRUE_COLOUR, PSEUDO_COLOUR = 4, 3
RGB8 = (0xFF0000, 0xFF00, 0xFF)
RGB565 = (0xF800, 0x7E0, 0x1F)
PIXELS = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])
NAME = b"a window\0"


def dump(
    pixels: bytes,
    bits: int = 32,
    masks: tuple[int, int, int] = RGB8,
    order: int = 0,
    visual: int = TRUE_COLOUR,
    size: tuple[int, int] = (2, 2),
    stride: int | None = None,
    table: bytes = b"",
    **changed: int,
) -> bytes:
    width, height = size
    row = width * bits // 8 if stride is None else stride
    names = "size version kind depth width height".split()
    first = dict(zip(names, (100 + len(NAME), 7, 2, 24, width, height), strict=True)) | changed
    rest = [0, order, 32, order, 32, bits, row, visual, *masks, 8, 256, len(table) // 12]
    return struct.pack(">25I", *first.values(), *rest, width, height, 0, 0, 0) + NAME + table + pixels


def ppm(pixels: bytes) -> bytes:
    return b"P6 2 2 255\n" + pixels


def packed(form: str, *values: int) -> bytes:
    return struct.pack(f"{form[0]}{len(values)}{form[1]}", *values)


@pytest.mark.parametrize("order", [0, 1])
def test_a_byte_for_each_colour(order: int) -> None:
    data = packed("<>"[order] + "I", 0xFF0000, 0xAB00FF00, 0xFF, 0xFFFFFF)
    assert ppm_of_xwd(dump(data, order=order)) == ppm(PIXELS)


@pytest.mark.parametrize("order", [0, 1])
def test_some_bits_for_each_colour(order: int) -> None:
    data = packed("<>"[order] + "H", 0xF800, 0x7E0, 0x1F, 0xFFFF)
    assert ppm_of_xwd(dump(data, 16, RGB565, order)) == ppm(PIXELS)


def test_ten_bits_for_each_colour() -> None:
    data = packed("<I", 0x3FF << 20, 0x3FF << 10, 0x3FF, 0x3FFFFFFF)
    masks = (0x3FF << 20, 0x3FF << 10, 0x3FF)
    assert ppm_of_xwd(dump(data, masks=masks)) == ppm(PIXELS)


def test_three_bytes_for_each_pixel() -> None:
    data = b"\0\0\xff\0\xff\0" + b"\xff\0\0\xff\xff\xff"
    assert ppm_of_xwd(dump(data, 24)) == ppm(PIXELS)


def test_numbers_of_colours() -> None:
    colours = ((7, 65535, 0, 0), (1, 0, 65535, 0), (300, 1, 1, 1), (2, 0, 0, 65535), (3, *[65535] * 3))
    table = b"".join(struct.pack(">I3H2x", *colour) for colour in colours)
    data = dump(bytes([7, 1, 2, 3]), 8, (0, 0, 0), visual=PSEUDO_COLOUR, table=table)
    assert ppm_of_xwd(data) == ppm(PIXELS)


def test_rows_may_be_longer_than_their_pixels() -> None:
    data = packed("<I", 0xFF0000, 0xFF00, 0xABCDEF, 0xFF, 0xFFFFFF, 0xABCDEF)
    assert ppm_of_xwd(dump(data, stride=12)) == ppm(PIXELS)


WHOLE = dump(bytes(16))


@pytest.mark.parametrize("length", [0, 1, 99, 100, 108, len(WHOLE) - 1])
def test_what_is_cut_off_is_none(length: int) -> None:
    with pytest.raises(ValueError):
        ppm_of_xwd(WHOLE[:length])


@pytest.mark.parametrize(
    "data",
    [
        dump(bytes(16), version=6),
        dump(bytes(16), kind=1),
        dump(bytes(16), size=(0, 2)),
        dump(bytes(16), size=(1, 1 << 25), stride=0),
        dump(bytes(16), size=(40000, 1)),
        dump(bytes(16), size=(1 << 16, 1 << 16), stride=0),
        dump(bytes(16), stride=0),
        dump(bytes(16), stride=7),
        dump(bytes(16), 0),
        dump(bytes(16), 1),
        dump(bytes(16), 64),
        dump(bytes(16), masks=(0, 0, 0)),
        dump(bytes(16), visual=9),
        dump(bytes(16), 8, visual=9, masks=(0, 0, 0))[:110],
        dump(bytes(16))[:76] + b"\xff" * 4 + dump(bytes(16))[80:],
    ],
)
def test_what_no_x_server_makes_is_none(data: bytes) -> None:
    with pytest.raises(ValueError):
        ppm_of_xwd(data)


def test_the_length_of_the_header_may_be_a_lie() -> None:
    lie = b"\xff" * 4 + WHOLE[4:]
    with pytest.raises(ValueError, match="not all of a picture of 2 x 2"):
        ppm_of_xwd(lie)
