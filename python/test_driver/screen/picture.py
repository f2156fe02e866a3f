"""Pictures of screens."""

from __future__ import annotations

import re
import struct
import zlib

_PPM_HEADER = re.compile(rb"P6\s+(\d+)\s+(\d+)\s+255\s")


def png_of_ppm(ppm: bytes) -> bytes:
    """Convert a binary PPM with eight bits per colour to PNG.

    QEMU itself writes PNG only since 7.1, and not in every build. Raises ValueError if the PPM is
    incomplete.
    """
    header = _PPM_HEADER.match(ppm)
    if header is None:
        raise ValueError("not a binary PPM with eight bits for each colour")
    width, height = int(header[1]), int(header[2])
    begin, row = header.end(), 3 * width
    if width == 0 or height == 0 or len(ppm) - begin < row * height:
        raise ValueError(f"not all of a picture of {width} x {height}")
    # Each row begins with its filter type: 0, none.
    rows = b"".join(
        b"\0" + ppm[start : start + row] for start in range(begin, begin + row * height, row)
    )
    size = struct.pack(">II5B", width, height, 8, 2, 0, 0, 0)  # eight bits, RGB
    chunks = _chunk(b"IHDR", size) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
