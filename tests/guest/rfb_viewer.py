#!/usr/bin/env python3
"""usage: rfb_viewer.py SOCKET: read one picture from a VNC server, describe it in the file $SEEN.

The protocol is RFB 3.8 (RFC 6143).
"""

import json
import os
import socket
import struct
import sys

RAW = 0
NO_SECURITY = 1

connection = socket.socket(socket.AF_UNIX)
connection.settimeout(60)
connection.connect(sys.argv[1])
stream = connection.makefile("rb")


def read(form: str) -> tuple[int, ...]:
    return struct.unpack(form, stream.read(struct.calcsize(form)))


def read_text() -> str:
    (length,) = read(">I")
    return stream.read(length).decode()


def count_white(rectangle: bytes, bytes_per_pixel: int) -> int:
    """The number of white pixels; the colours are in the lower three bytes of each pixel."""
    pixels = (rectangle[at : at + 3] for at in range(0, len(rectangle), bytes_per_pixel))
    return sum(pixel == b"\xff\xff\xff" for pixel in pixels)


version = stream.read(12)
assert version == b"RFB 003.008\n", version
connection.sendall(version)
(kinds,) = read("B")
assert NO_SECURITY in stream.read(kinds)
connection.sendall(bytes([NO_SECURITY]))
assert read(">I") == (0,), "the server lets nobody in"
connection.sendall(b"\1")  # share the screen with other viewers
width, height, bits, depth, big_endian, *_ = read(">HHBBBBHHHBBB3x")
assert (bits, depth, big_endian) == (32, 24, 0), "another kind of pixels"
name = read_text()

connection.sendall(struct.pack(">BxHi", 2, 1, RAW))
connection.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
kind, rectangles = read(">BxH")
assert kind == 0, f"message {kind} instead of a picture"
white = 0
for _ in range(rectangles):
    _, _, columns, rows, encoding = read(">HHHHi")
    assert encoding == RAW
    white += count_white(stream.read(columns * rows * 4), 4)

seen = {"name": name, "width": width, "height": height, "white": white / (width * height)}
with open(os.environ["SEEN"] + ".new", "w") as file:
    json.dump(seen, file)
os.rename(file.name, os.environ["SEEN"])
