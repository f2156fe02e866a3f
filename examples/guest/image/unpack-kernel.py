"""Takes the ELF kernel out of a bzImage. usage: unpack-kernel.py BZIMAGE OUTPUT

QEMU starts an ELF kernel that has the PVH entry point (Debian's has) directly, and an emulated processor is spared the
decompression, which is the longest part of the kernel's start. A bzImage that is packed in another way, or has
no such entry point, is copied as it is.
"""

import lzma
import struct
import sys
from pathlib import Path

# Documented in the kernel's Documentation/x86/boot.rst.
SETUP_SECTORS = 0x1F1
PAYLOAD_OFFSET = 0x248
SECTOR = 512

# A Xen note (owner of 4 bytes, descriptor of 4 or 8, type 18) holds the PVH entry point.
PVH_NOTES = [struct.pack("<III4s", 4, size, 18, b"Xen\0") for size in (4, 8)]


def unpacked(image: bytes) -> bytes | None:
    setup_sectors = image[SETUP_SECTORS] or 4
    offset, length = struct.unpack_from("<II", image, PAYLOAD_OFFSET)
    start = (setup_sectors + 1) * SECTOR + offset
    try:
        # One stream only: the length of the kernel follows it.
        kernel = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(image[start : start + length])
    except lzma.LZMAError:
        return None
    if any(note in kernel for note in PVH_NOTES):
        return kernel
    return None


def main() -> None:
    image = Path(sys.argv[1]).read_bytes()
    Path(sys.argv[2]).write_bytes(unpacked(image) or image)


main()
