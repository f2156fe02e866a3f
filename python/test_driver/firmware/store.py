"""Parse and build the file in which OVMF, the UEFI firmware for QEMU, keeps EFI variables.

The file is an image of flash memory. It contains

- a firmware volume header,
- a variable store header, and the variables one after the other, deleted ones included,
- the working block of the fault-tolerant writer: a journal of unfinished updates,
- spare blocks, to which such updates are written first.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from typing import TYPE_CHECKING

from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.firmware.variables import (
    START_ID,
    TIME,
    VARIABLE,
    EfiGuid,
    EfiTime,
    EfiVariable,
    StoredUuid,
    guid_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ERASED = b"\xff"
_UNWRITTEN = 0xFFFFFFFF


class StoreError(MachineError):
    """The file is not a store of EFI variables, or it is damaged."""


# Zero vector, file system, length, signature, attributes, header length, checksum, offset of an
# extended header, reserved, revision; then pairs of (number of blocks, length of each).
_VOLUME = struct.Struct("<16s16sQ4sIHHHBB")
_BLOCKS = struct.Struct("<II")

# Signature, size, format, state, reserved.
_STORE = struct.Struct("<16sIBBHI")
_FORMATTED = 0x5A
_HEALTHY = 0xFE

_WORKING_BLOCK = StoredUuid.of(uuid.UUID("9e58292b-7c68-497d-a0ce-6500fd9f1b95"))

# Signature, CRC, state, reserved, size of the queue of writes that follows.
_WORKING = struct.Struct("<16sIB3sQ")

# A write in the queue: state, caller, number of records, bytes of private data per record.
_WRITE = struct.Struct("<B3x16s4xQQ")
_RECORD_SIZE = 40
_WRITE_ALLOCATED = 0x01  # cleared when the write's header is complete
_WRITE_COMPLETE = 0x04  # cleared when the write is done

_BLOCK = 0x1000
_HALF = 0x42000  # variables, event log and working block; the spare blocks take as much again


def _working_header(queue_size: int) -> bytes:
    # The CRC is computed with the fields CRC and state erased.
    erased = _WORKING.pack(_WORKING_BLOCK.bytes, _UNWRITTEN, 0xFF, ERASED * 3, queue_size)
    crc = zlib.crc32(erased)
    return _WORKING.pack(_WORKING_BLOCK.bytes, crc, 0xFE, ERASED * 3, queue_size)


def _checksum16(header: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f"<{len(header) // 2}H", header)
    return sum(words) & 0xFFFF


def _volume_header(length: int) -> bytes:
    def header(checksum: int) -> bytes:
        volume = _VOLUME.pack(
            bytes(16),
            EfiGuid.gEfiSystemNvDataFvGuid.bytes,
            length,
            b"_FVH",
            0x0004FEFF,  # readable, writable, lockable; erased bits are ones
            _VOLUME.size + 2 * _BLOCKS.size,
            checksum,
            0,
            0,
            2,
        )
        return volume + _BLOCKS.pack(length // _BLOCK, _BLOCK) + _BLOCKS.pack(0, 0)

    return header(-_checksum16(header(0)) & 0xFFFF)


def empty_store() -> bytes:
    """The image of an empty store, in the size for OVMF's current 4 MiB of flash memory."""
    volume = _volume_header(2 * _HALF)
    size = _HALF - 2 * _BLOCK - len(volume)
    store = _STORE.pack(
        EfiGuid.gEfiAuthenticatedVariableGuid.bytes, size, _FORMATTED, _HEALTHY, 0, 0
    )
    image = bytearray(ERASED * (2 * _HALF))
    image[: len(volume) + len(store)] = volume + store
    working = _working_header(_BLOCK - _WORKING.size)
    image[_HALF - _BLOCK : _HALF - _BLOCK + len(working)] = working
    return bytes(image)


class Store:
    """A parsed image of the flash memory. The constructor raises StoreError if it is invalid."""

    def __init__(self, image: bytes) -> None:
        self.image = image
        begin = self._check_volume()
        self._begin, self._end = self._check_store(begin)
        self._check_no_write_under_way()

    def variables(self) -> list[EfiVariable]:
        """The valid variables, in the order of the store."""
        found: dict[tuple[bytes, str], EfiVariable] = {}
        for variable in self._all():
            valid = variable.state == EfiVariable.State.VAR_ADDED
            # VAR_ADDED & VAR_IN_DELETED_TRANSITION: valid until the new variable is complete.
            replaced = variable.state == 0x3E
            key = (variable.vendorUUID.bytes, variable.name)
            if valid or (replaced and key not in found):
                variable.state = EfiVariable.State.VAR_ADDED
                found[key] = variable
        return list(found.values())

    def with_variables(self, variables: Iterable[EfiVariable]) -> bytes:
        """The image with exactly these variables.

        Raises RequestedAssertionFailed if they do not fit.
        """
        area = bytearray()
        for variable in variables:
            area += variable.serialize()
            area += ERASED * (-len(area) % 4)
        room = self._end - self._begin
        if len(area) > room:
            raise RequestedAssertionFailed(
                f"the EFI variables need {len(area)} bytes, and the store has room for {room}"
            )
        area += ERASED * (room - len(area))
        return self.image[: self._begin] + bytes(area) + self.image[self._end :]

    def _check_volume(self) -> int:
        """Check the firmware volume's header; return the offset of its end."""
        if len(self.image) < _VOLUME.size:
            raise StoreError(f"it has only {len(self.image)} bytes")
        fields = _VOLUME.unpack_from(self.image)
        system, length, signature, header_length = fields[1], fields[2], fields[3], fields[5]
        if signature != b"_FVH":
            raise StoreError("it does not begin with a firmware volume")
        if system != EfiGuid.gEfiSystemNvDataFvGuid.bytes:
            raise StoreError(f"a volume of {guid_name(StoredUuid(bytes=system))} has no variables")
        if header_length % 2 or not _VOLUME.size < header_length <= length:
            raise StoreError(f"its volume header cannot have {header_length} bytes")
        if length > len(self.image):
            raise StoreError(f"it was cut off: {len(self.image)} bytes instead of {length}")
        if _checksum16(self.image[:header_length]) != 0:
            raise StoreError("the checksum of its volume header is wrong")
        return int(header_length)

    def _check_store(self, begin: int) -> tuple[int, int]:
        """Check the variable store's header; return the begin and end offset of the variables."""
        if begin + _STORE.size > len(self.image):
            raise StoreError("it has no variable store")
        signature, size, form, state, _, _ = _STORE.unpack_from(self.image, begin)
        if signature != EfiGuid.gEfiAuthenticatedVariableGuid.bytes:
            kind = guid_name(StoredUuid(bytes=signature))
            raise StoreError(f"its variables are not authenticated ones but {kind}")
        if form != _FORMATTED or state != _HEALTHY:
            raise StoreError(f"it is not formatted and healthy (0x{form:02x}, 0x{state:02x})")
        if not _STORE.size < size <= len(self.image) - begin:
            raise StoreError(f"its variable store cannot have {size} bytes")
        return begin + _STORE.size, begin + size

    def _check_no_write_under_way(self) -> None:
        """Raise StoreError if the journal has an unfinished update.

        The firmware would apply it at its next start, and overwrite our changes.
        """
        first = -(-self._end // _BLOCK) * _BLOCK
        for offset in range(first, len(self.image) - _WORKING.size, _BLOCK):
            signature, _, _, _, queue_size = _WORKING.unpack_from(self.image, offset)
            if signature == _WORKING_BLOCK.bytes:
                begin = offset + _WORKING.size
                if _has_unfinished_write(self.image[begin : begin + queue_size]):
                    raise StoreError(
                        "the machine ended while its firmware was updating it: start the machine "
                        "once, so that the firmware can finish"
                    )
                return

    def _all(self) -> Iterator[EfiVariable]:
        offset = self._begin
        while offset + VARIABLE.size <= self._end:
            if struct.unpack_from("<H", self.image, offset)[0] != START_ID:
                break
            variable, offset = self._variable(offset)
            if variable is not None:
                yield variable
        if self.image[offset : self._end].strip(ERASED):
            raise StoreError(f"what is at 0x{offset:x} is no variable")

    def _variable(self, offset: int) -> tuple[EfiVariable | None, int]:
        """Parse the variable at ``offset``; return it and the offset of the next one.

        The variable is None if it was never completed.
        """
        fields = VARIABLE.unpack_from(self.image, offset)
        state, name_size, data_size = fields[1], fields[7], fields[8]
        begin = offset + VARIABLE.size
        if state == 0xFF or _UNWRITTEN in (name_size, data_size):
            return None, -(-begin // 4) * 4
        end = begin + name_size + data_size
        if end > self._end:
            raise StoreError(f"the variable at 0x{offset:x} goes beyond the end of the store")
        following = min(-(-end // 4) * 4, self._end)
        if state & 0x40:  # only its header was completed
            return None, following
        variable = EfiVariable(flags=fields[3])
        variable.state, variable.reserved1 = state, fields[2]
        variable.monotonicCount, variable.pubKeyIdx = fields[4], fields[6]
        variable.timestamp = EfiTime(*TIME.unpack(fields[5]))
        variable.vendorUUID = StoredUuid(bytes=fields[9])
        variable.name = self._name(self.image[begin : begin + name_size], offset)
        variable.data = self.image[begin + name_size : end]
        return variable, following

    @staticmethod
    def _name(stored: bytes, offset: int) -> str:
        try:
            name = stored.decode("utf-16-le")
        except UnicodeDecodeError:
            name = ""
        if not name.endswith("\0"):
            raise StoreError(f"the variable at 0x{offset:x} has no proper name")
        return name[: name.index("\0")]


def _has_unfinished_write(queue: bytes) -> bool:
    offset = 0
    while offset + _WRITE.size <= len(queue):
        state, _, records, private = _WRITE.unpack_from(queue, offset)
        if state & _WRITE_ALLOCATED:
            break
        if state & _WRITE_COMPLETE:
            return True
        offset += _WRITE.size + records * (_RECORD_SIZE + private)
    return False
