"""EFI variables, and their format in a store.

Erased flash memory is all ones, and writing can only clear bits. So each state of a variable has
fewer ones than the state before it.
"""

from __future__ import annotations

import enum
import struct
import uuid
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class StoredUuid(uuid.UUID):
    """A GUID whose bytes are in the store's order.

    The first three fields of a stored GUID are little-endian, those of a uuid.UUID are big-endian.
    So str() of this object is not the usual text of the GUID: use ``written`` for that.
    """

    @classmethod
    def of(cls, guid: uuid.UUID) -> StoredUuid:
        """The stored form of a UUID; a StoredUuid is returned unchanged."""
        return cls(bytes=guid.bytes if isinstance(guid, StoredUuid) else guid.bytes_le)

    @property
    def written(self) -> uuid.UUID:
        return uuid.UUID(bytes=self.bytes_le)


def _stored(text: str) -> StoredUuid:
    return StoredUuid.of(uuid.UUID(text))


class EfiGuid:
    """Vendor GUIDs of well-known variables, and signatures of the store's parts."""

    gEdkiiVarErrorFlagGuid = _stored("04b37fe8-f6ae-480b-bdd5-37d98c5e89aa")
    gEfiAuthenticatedVariableGuid = _stored("aaf32c78-947b-439a-a180-2e144ec37792")
    gEfiCertDbGuid = _stored("d9bee56e-75dc-49d9-b4d7-b534210f637a")
    gEfiCustomModeEnableGuid = _stored("c076ec0c-7028-4399-a072-71ee5c448b9f")
    gEfiGlobalVariableGuid = _stored("8be4df61-93ca-11d2-aa0d-00e098032b8c")
    gEfiImageSecurityDatabaseGuid = _stored("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
    gEfiIp4Config2ProtocolGuid = _stored("5b446ed1-e30b-4faa-871a-3654eca36080")
    gEfiIScsiInitiatorNameProtocolGuid = _stored("59324945-ec44-4c0d-b1cd-9db139df070c")
    gEfiMemoryTypeInformationGuid = _stored("4c19049f-4137-4dd3-9c10-8b97a83ffdfa")
    gEfiSecureBootEnableDisableGuid = _stored("f0a30bc7-af08-4556-99c4-001009c93a44")
    gEfiSystemNvDataFvGuid = _stored("fff12b8d-7696-4c8b-a985-2747075b4f50")
    gEfiVendorKeysNvGuid = _stored("9073e4e0-60ec-4b6e-9903-4c223c260f3c")
    gIScsiConfigGuid = _stored("4b47d616-a8d6-4552-9d44-ccad2e0f4cf9")
    gMicrosoftVendorGuid = _stored("77fa9abd-0359-4d32-bd60-28f4e78f784b")
    gMtcVendorGuid = _stored("eb704011-1402-11d3-8e77-00a0c969723b")
    mBmHardDriveBootVariableGuid = _stored("fab7e9e1-39dd-4f2b-8408-e20e906cb6de")


_NAMES = {
    guid: name for name, guid in vars(EfiGuid).items() if isinstance(guid, StoredUuid)
}


def guid_name(guid: uuid.UUID) -> str:
    """The name of a stored GUID; the GUID in its usual text form if it has no name."""
    stored = StoredUuid(bytes=guid.bytes)
    return _NAMES.get(stored, str(stored.written))


class EfiTime(NamedTuple):
    """The time at which an authenticated variable was signed; all zeros for other variables."""

    year: int = 0
    month: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    pad1: int = 0
    nanosecond: int = 0
    timezone: int = 0  # minutes; 2047 if unspecified
    daylight: int = 0
    pad2: int = 0

    def __str__(self) -> str:
        if self.year == 0:
            return "none"
        date = f"{self.year:04}-{self.month:02}-{self.day:02}"
        return f"{date} {self.hour:02}:{self.minute:02}:{self.second:02}"


TIME = struct.Struct("<HBBBBBBIhBB")

# Start id, state, reserved, attributes, monotonic count, time, key, sizes of name and data, vendor.
VARIABLE = struct.Struct("<HBBIQ16sIII16s")
START_ID = 0x55AA


class EfiVariable:
    """An EFI variable.

    ``vendor_uuid`` is the vendor's GUID in its usual form; the attribute ``vendorUUID`` has the
    bytes in the store's order (``uuid.UUID(bytes=vendor_uuid.bytes_le)``). ``flags`` are the
    variable's attributes. The parameter ``state`` is ignored: a new variable is always valid.
    """

    class Flags(enum.IntFlag):
        """Attributes of a variable."""

        NON_VOLATILE = 0x1
        BOOTSERVICE_ACCESS = 0x2
        RUNTIME_ACCESS = 0x4
        HARDWARE_ERROR_RECORD = 0x8
        AUTHENTICATED_WRITE_ACCESS = 0x10
        TIME_BASED_AUTHENTICATED_WRITE_ACCESS = 0x20
        APPEND_WRITE = 0x40

    class State(enum.IntEnum):
        """The state of a variable in the store; each step clears one more bit."""

        VAR_HEADER_VALID_ONLY = 0x7F
        VAR_ADDED = 0x3F
        VAR_IN_DELETED_TRANSITION = 0xFE  # combined (&) with VAR_ADDED
        VAR_DELETED = 0xFD  # combined (&) with any state

    magic = START_ID
    reserved1 = 0

    def __init__(
        self,
        vendor_uuid: uuid.UUID | None = None,
        name: str | None = None,
        data: bytes | None = None,
        state: int | None = None,
        flags: int | None = None,
    ) -> None:
        self.vendorUUID: uuid.UUID = StoredUuid.of(vendor_uuid or uuid.UUID(int=0))
        self.name = name or ""
        self.data = bytes(data or b"")
        # Scripts combine the states in several ways, but always mean a valid variable: the firmware
        # ignores all others.
        del state
        self.state: int = self.State.VAR_ADDED
        usual = self.Flags.NON_VOLATILE | self.Flags.BOOTSERVICE_ACCESS | self.Flags.RUNTIME_ACCESS
        self.flags: int = usual if flags is None else self.Flags(flags)
        self.monotonicCount = 0
        self.timestamp = EfiTime()
        self.pubKeyIdx = 0

    @property
    def nameLen(self) -> int:  # noqa: N802
        """The number of bytes of the name in the store, including its terminator."""
        return len(self.name.encode("utf-16-le")) + 2

    @property
    def dataLen(self) -> int:  # noqa: N802
        return len(self.data)

    @property
    def isDeleted(self) -> bool:  # noqa: N802
        return not self.state & 0x02

    @property
    def volatile(self) -> bool:
        return not self.flags & self.Flags.NON_VOLATILE

    @property
    def boot_access(self) -> bool:
        return bool(self.flags & self.Flags.BOOTSERVICE_ACCESS)

    @property
    def runtime_access(self) -> bool:
        return bool(self.flags & self.Flags.RUNTIME_ACCESS)

    @property
    def hardware_error_record(self) -> bool:
        return bool(self.flags & self.Flags.HARDWARE_ERROR_RECORD)

    @property
    def authenticated_write_access(self) -> bool:
        return bool(self.flags & self.Flags.AUTHENTICATED_WRITE_ACCESS)

    @property
    def time_based_authenticated_write_access(self) -> bool:
        return bool(self.flags & self.Flags.TIME_BASED_AUTHENTICATED_WRITE_ACCESS)

    @property
    def append_write(self) -> bool:
        return bool(self.flags & self.Flags.APPEND_WRITE)

    def __repr__(self) -> str:
        vendor = guid_name(self.vendorUUID)
        return f"<EfiVariable {self.name!r} of {vendor}, {self.dataLen} bytes>"

    def serialize(self) -> bytes:
        """The variable's bytes in the store, without padding."""
        header = VARIABLE.pack(
            self.magic,
            self.state,
            self.reserved1,
            self.flags,
            self.monotonicCount,
            TIME.pack(*self.timestamp),
            self.pubKeyIdx,
            self.nameLen,
            self.dataLen,
            self.vendorUUID.bytes,
        )
        return header + self.name.encode("utf-16-le") + b"\0\0" + self.data

    def print(self) -> None:
        """Print the variable: name, vendor, attributes, state and data."""
        known = [flag for flag in self.Flags if self.flags & flag]
        rest = self.flags & ~sum(known)
        flags = [str(flag.name) for flag in known] + ([f"0x{rest:x}"] if rest else [])
        # The guest chose the name: escape control characters for the terminal.
        name = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in self.name)
        print(f"{name} ({guid_name(self.vendorUUID)})")
        print(f"    attributes: {' '.join(flags) or 'none'}")
        print(f"    state: 0x{self.state:02x}, time: {self.timestamp}, key: {self.pubKeyIdx}")
        print(f"    data, {self.dataLen} bytes:")
        for line in _hex_dump(self.data):
            print(f"    {line}")


def _hex_dump(data: bytes) -> Iterator[str]:
    """Lines of 16 bytes each; a star stands for repetitions of the line before it."""
    before, starred = b"", False
    for offset in range(0, len(data), 16):
        line = data[offset : offset + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in line)
        if line != before:
            yield f"{offset:6x}  {line.hex(' '):47}  {text}"
        elif not starred:
            yield "     *"
        before, starred = line, line == before
