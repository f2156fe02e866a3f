"""EFI variables in the store of a machine that is off.

The store is the file that OVMF, the firmware of virtual machines, keeps its variables in: an image
of flash memory. Erased flash is all ones, and writing can only clear bits, which is why the states
of a variable are numbers with fewer and fewer ones. The image holds

- a firmware volume header,
- a variable store header, and the variables one after the other, deleted ones included,
- the working block of the fault-tolerant writer, a journal of updates that are under way,
- spare blocks, to which such updates go first.
"""

from __future__ import annotations

import enum
import os
import struct
import uuid
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from test_driver._engine import engine
from test_driver.files.unfinished import write_file
from test_driver.errors import MachineError, RequestedAssertionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

ERASED = b"\xff"


class StoredUuid(uuid.UUID):
    """A GUID whose bytes are in the order of the store.

    The first three fields of a stored GUID are little-endian, those of an ordinary uuid.UUID are
    big-endian. So this is not the UUID that people write: that is ``written``.
    """

    @classmethod
    def of(cls, guid: uuid.UUID) -> StoredUuid:
        """The stored form of a UUID; what is in that form already stays as it is."""
        return cls(bytes=guid.bytes if isinstance(guid, StoredUuid) else guid.bytes_le)

    @property
    def written(self) -> uuid.UUID:
        return uuid.UUID(bytes=self.bytes_le)


def _stored(text: str) -> StoredUuid:
    return StoredUuid.of(uuid.UUID(text))


class EfiGuid:
    """Vendors of well-known variables, and signatures of the store's parts."""

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
_WORKING_BLOCK = _stored("9e58292b-7c68-497d-a0ce-6500fd9f1b95")


def guid_name(guid: uuid.UUID) -> str:
    """What a stored GUID is called; the GUID as people write it if it has no name."""
    stored = StoredUuid(bytes=guid.bytes)
    return _NAMES.get(stored, str(stored.written))


class EfiTime(NamedTuple):
    """When a variable with time-based authentication was signed; all zero for the others."""

    year: int = 0
    month: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    pad1: int = 0
    nanosecond: int = 0
    timezone: int = 0  # minutes, 2047: none given
    daylight: int = 0
    pad2: int = 0

    def __str__(self) -> str:
        if self.year == 0:
            return "none"
        date = f"{self.year:04}-{self.month:02}-{self.day:02}"
        return f"{date} {self.hour:02}:{self.minute:02}:{self.second:02}"


_TIME = struct.Struct("<HBBBBBBIhBB")

# Start id, state, reserved, attributes, monotonic count, time, key, sizes of name and data, vendor.
_VARIABLE = struct.Struct("<HBBIQ16sIII16s")
_START_ID = 0x55AA
_UNWRITTEN = 0xFFFFFFFF


class EfiVariable:
    """An EFI variable.

    ``vendor_uuid`` is its vendor as people write it; the attribute ``vendorUUID`` has the bytes in
    the order of the store (``uuid.UUID(bytes=vendor_uuid.bytes_le)``). ``flags`` are its
    attributes. ``state`` is that of a valid variable, however it is given.
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
        """How far the firmware has come with a variable; each step clears a bit more."""

        VAR_HEADER_VALID_ONLY = 0x7F
        VAR_ADDED = 0x3F
        VAR_IN_DELETED_TRANSITION = 0xFE  # to be combined (&) with VAR_ADDED
        VAR_DELETED = 0xFD  # to be combined (&) with any

    magic = _START_ID
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
        # Scripts combine the states in more than one way, and always mean this one: the firmware
        # passes over all others.
        del state
        self.state: int = self.State.VAR_ADDED
        usual = self.Flags.NON_VOLATILE | self.Flags.BOOTSERVICE_ACCESS | self.Flags.RUNTIME_ACCESS
        self.flags: int = usual if flags is None else self.Flags(flags)
        self.monotonicCount = 0
        self.timestamp = EfiTime()
        self.pubKeyIdx = 0

    @property
    def nameLen(self) -> int:  # noqa: N802
        """Bytes of the name in the store, its terminator included."""
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
        """The variable as it is in the store, without padding."""
        header = _VARIABLE.pack(
            self.magic,
            self.state,
            self.reserved1,
            self.flags,
            self.monotonicCount,
            _TIME.pack(*self.timestamp),
            self.pubKeyIdx,
            self.nameLen,
            self.dataLen,
            self.vendorUUID.bytes,
        )
        return header + self.name.encode("utf-16-le") + b"\0\0" + self.data

    def print(self) -> None:
        """Print all that is known about the variable."""
        known = [flag for flag in self.Flags if self.flags & flag]
        rest = self.flags & ~sum(known)
        flags = [str(flag.name) for flag in known] + ([f"0x{rest:x}"] if rest else [])
        # The guest has chosen the name: a terminal must not obey it.
        name = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in self.name)
        print(f"{name} ({guid_name(self.vendorUUID)})")
        print(f"    attributes: {' '.join(flags) or 'none'}")
        print(f"    state: 0x{self.state:02x}, time: {self.timestamp}, key: {self.pubKeyIdx}")
        print(f"    data, {self.dataLen} bytes:")
        for line in _hex_dump(self.data):
            print(f"    {line}")


def _hex_dump(data: bytes) -> Iterator[str]:
    """Lines of 16 bytes each; a star for any number that are like the one before."""
    before, starred = b"", False
    for offset in range(0, len(data), 16):
        line = data[offset : offset + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in line)
        if line != before:
            yield f"{offset:6x}  {line.hex(' '):47}  {text}"
        elif not starred:
            yield "     *"
        before, starred = line, line == before


class StoreError(MachineError):
    """The file is no store of EFI variables, or a damaged one."""


# Zero vector, file system, length, signature, attributes, header length, checksum, offset of an
# extended header, reserved, revision; then pairs of (number of blocks, length of each).
_VOLUME = struct.Struct("<16s16sQ4sIHHHBB")
_BLOCKS = struct.Struct("<II")

# Signature, size, format, state, reserved.
_STORE = struct.Struct("<16sIBBHI")
_FORMATTED = 0x5A
_HEALTHY = 0xFE

# Signature, CRC, state, reserved, size of the queue of writes that follows.
_WORKING = struct.Struct("<16sIB3sQ")

# A write in the queue: its state, caller, number of records, bytes of private data in each.
_WRITE = struct.Struct("<B3x16s4xQQ")
_RECORD_SIZE = 40
_WRITE_ALLOCATED = 0x01  # cleared once the header of a write is there
_WRITE_COMPLETE = 0x04  # cleared once the write is done

_BLOCK = 0x1000
_HALF = 0x42000  # the variables, an event log and the working block; as much again is spare


def _working_header(queue_size: int) -> bytes:
    # The CRC is that of the header with CRC and state erased.
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
            0x0004FEFF,  # may be read, written and locked; erased bits are ones
            _VOLUME.size + 2 * _BLOCKS.size,
            checksum,
            0,
            0,
            2,
        )
        return volume + _BLOCKS.pack(length // _BLOCK, _BLOCK) + _BLOCKS.pack(0, 0)

    return header(-_checksum16(header(0)) & 0xFFFF)


def empty_store() -> bytes:
    """A store without variables, of the size that OVMF has had since it needs 4 MiB of flash."""
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
    """An image of the flash memory; the constructor raises StoreError if it is not in order."""

    def __init__(self, image: bytes) -> None:
        self.image = image
        begin = self._check_volume()
        self._begin, self._end = self._check_store(begin)
        self._check_no_write_under_way()

    def variables(self) -> list[EfiVariable]:
        """All variables that are valid, in the order of the store."""
        found: dict[tuple[bytes, str], EfiVariable] = {}
        for variable in self._all():
            valid = variable.state == EfiVariable.State.VAR_ADDED
            # Being replaced: valid as long as the new one is not complete.
            replaced = variable.state == 0x3E
            key = (variable.vendorUUID.bytes, variable.name)
            if valid or (replaced and key not in found):
                variable.state = EfiVariable.State.VAR_ADDED
                found[key] = variable
        return list(found.values())

    def with_variables(self, variables: Iterable[EfiVariable]) -> bytes:
        """The image with these variables and no others."""
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
        """Check the firmware volume's header; return where it ends."""
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
        """Check the variable store's header; return where the variables begin and end."""
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
        """What the journal has, the firmware will write over the variables at its next start."""
        first = -(-self._end // _BLOCK) * _BLOCK
        for offset in range(first, len(self.image) - _WORKING.size, _BLOCK):
            signature, _, _, _, queue_size = _WORKING.unpack_from(self.image, offset)
            if signature == _WORKING_BLOCK.bytes:
                begin = offset + _WORKING.size
                if _has_unfinished_write(self.image[begin : begin + queue_size]):
                    raise StoreError(
                        "the machine ended while its firmware was tidying it up: start the machine "
                        "once, so that the firmware can finish"
                    )
                return

    def _all(self) -> Iterator[EfiVariable]:
        offset = self._begin
        while offset + _VARIABLE.size <= self._end:
            if struct.unpack_from("<H", self.image, offset)[0] != _START_ID:
                break
            variable, offset = self._variable(offset)
            if variable is not None:
                yield variable
        if self.image[offset : self._end].strip(ERASED):
            raise StoreError(f"what is at 0x{offset:x} is no variable")

    def _variable(self, offset: int) -> tuple[EfiVariable | None, int]:
        """The variable at ``offset`` (None if it was never completed), and where the next is."""
        fields = _VARIABLE.unpack_from(self.image, offset)
        state, name_size, data_size = fields[1], fields[7], fields[8]
        begin = offset + _VARIABLE.size
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
        variable.timestamp = EfiTime(*_TIME.unpack(fields[5]))
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


class EfiVars:
    """The store of a machine's EFI variables (``machine.efi_vars``).

    It can be used while the machine is off; RequestedAssertionFailed otherwise. A damaged store
    raises MachineError and is never written to.
    """

    def __init__(self, state_path: Path | None, machine: Any) -> None:
        self._path = state_path
        self.machine = machine

    @property
    def state_path(self) -> Path:
        """The file. Start scripts of NixOS take it from $NIX_EFI_VARS or the state directory."""
        if self._path is not None:
            return self._path
        given = os.environ.get("NIX_EFI_VARS")
        return Path(self.machine.state_dir, given) if given else Path(self.machine.efi_vars_path)

    def __fspath__(self) -> str:
        return str(self.state_path)

    def __str__(self) -> str:
        return str(self.state_path)

    def create_empty(self) -> None:
        """Make a store without variables; RequestedAssertionFailed if there is one."""
        self._check_off()
        if self.state_path.exists():
            raise RequestedAssertionFailed(
                f"the EFI variable store {self.state_path} exists already"
            )
        self._replace(empty_store())

    def variables(self) -> list[EfiVariable] | None:
        """The valid variables; None if there is no store yet."""
        self._check_off()
        store = self._load()
        return None if store is None else self._checked(store.variables)

    def read_content(self) -> dict[str, dict[str, EfiVariable]] | None:
        """The valid variables by the vendor's name (or GUID) and their own; None without store."""
        found = self.variables()
        if found is None:
            return None
        content: dict[str, dict[str, EfiVariable]] = {}
        for variable in found:
            vendor = guid_name(variable.vendorUUID)
            content.setdefault(vendor, {})[variable.name] = variable
        return content

    def write(self, add: Iterable[EfiVariable]) -> None:
        """Add variables, or replace those of the same name and vendor.

        One without data is removed, as firmware does it. Makes the store if there is none.
        """
        self._check_off()
        store = self._load() or Store(empty_store())
        kept = {(v.vendorUUID.bytes, v.name): v for v in self._checked(store.variables)}
        for variable in add:
            if not variable.name:
                raise RequestedAssertionFailed("an EFI variable needs a name")
            kept[variable.vendorUUID.bytes, variable.name] = variable
        self._replace(store.with_variables(v for v in kept.values() if v.data))

    def _check_off(self) -> None:
        if self.machine.booted or getattr(self.machine, "pid", None) is not None:
            raise RequestedAssertionFailed(
                f"machine '{self.machine.name}' is running: its EFI variables can be read and "
                "written only while it is off"
            )

    def _load(self) -> Store | None:
        try:
            image = self.state_path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read the EFI variables: {error}") from error
        return self._checked(lambda: Store(image))

    def _checked(self, function: Callable[[], T]) -> T:
        try:
            return function()
        except StoreError as error:
            raise StoreError(f"the EFI variable store {self.state_path}: {error}") from None

    def _replace(self, image: bytes) -> None:
        """The new store is complete or not there at all."""
        path = Path(os.path.realpath(self.state_path))
        try:
            if self._path is None and not os.environ.get("NIX_EFI_VARS"):
                engine.private_directory(self.machine.state_dir)
            else:  # a place of the user's choice
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(path, image)
        except OSError as error:
            raise MachineError(f"cannot write the EFI variables: {error}") from error
