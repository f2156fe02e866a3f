"""EFI variables: the package's module alone, with stores of other programs, and in a machine."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import Result, Workspace

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from test_driver import efi  # noqa: E402
from test_driver.efi import EfiGuid, EfiVariable, Store, StoreError  # noqa: E402
from test_driver.errors import MachineError, RequestedAssertionFailed  # noqa: E402

RunDriver = Callable[..., Result]

VENDOR = uuid.UUID("a19f72f8-b554-4bd7-a0c2-2762bd854691")
FIRST = 0x64  # the offset of the first variable
JOURNAL = 0x41020
OVMF = Path("/usr/share/OVMF")


def variable(name: str = "Demo", data: bytes = b"\x2a") -> EfiVariable:
    return EfiVariable(vendor_uuid=VENDOR, name=name, data=data)


def store_with(*variables: EfiVariable) -> bytearray:
    return bytearray(Store(efi.empty_store()).with_variables(variables))


def names(image: bytes) -> list[str]:
    return [found.name for found in Store(bytes(image)).variables()]


# -------------------------------------------------------------------------------------- the store


def test_an_empty_store() -> None:
    image = efi.empty_store()
    assert len(image) == 2 * 0x42000
    assert Store(image).variables() == []
    assert Store(image).with_variables([]) == image


@pytest.mark.parametrize("name", ["odd", "even", "long" * 40, "täst✓"])
@pytest.mark.parametrize("data", [b"\x2a", b"\xff" * 7, bytes(range(256)) * 20])
def test_what_is_written_is_read(name: str, data: bytes) -> None:
    other = variable("Other", b"xyz")
    found = Store(bytes(store_with(variable(name, data), other))).variables()
    assert [(v.name, v.data) for v in found] == [(name, data), ("Other", b"xyz")]
    assert found[0].vendorUUID == uuid.UUID(bytes=VENDOR.bytes_le)
    assert found[0].flags == 7 and not found[0].volatile and found[0].runtime_access


def test_bytes_of_a_variable() -> None:
    flags = EfiVariable.Flags.NON_VOLATILE | EfiVariable.Flags.BOOTSERVICE_ACCESS
    one = EfiVariable(vendor_uuid=VENDOR, name="AB", data=b"xyz", flags=flags)
    fields = struct.pack("<HBBIQ16sIII", 0x55AA, 0x3F, 0, 3, 0, bytes(16), 0, 6, 3)
    assert one.serialize() == fields + VENDOR.bytes_le + b"A\0B\0\0\0" + b"xyz"
    assert store_with(one)[FIRST + 69 : FIRST + 74] == b"\xff" * 5


@pytest.mark.parametrize("state", [None, 0x3F, 0x7F, 0x7F | 0x3F, 0x7F & 0x3F, 0xC0])
def test_given_states_mean_a_valid_variable(state: int | None) -> None:
    one = EfiVariable(VENDOR, "Demo", b"x", state=state)
    assert one.state == 0x3F and not one.isDeleted


def test_vendors_with_a_name() -> None:
    one = EfiVariable(EfiGuid.gEfiGlobalVariableGuid, "BootOrder", b"\0\0")
    written = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
    assert one.vendorUUID == EfiVariable(written, "x", b"x").vendorUUID
    assert efi.guid_name(one.vendorUUID) == "gEfiGlobalVariableGuid"
    assert efi.guid_name(variable().vendorUUID) == str(VENDOR)


def test_print(capsys: pytest.CaptureFixture[str]) -> None:
    variable(data=b"text" + bytes(100)).print()
    shown = capsys.readouterr().out
    for text in (f"Demo ({VENDOR})", "NON_VOLATILE BOOTSERVICE_ACCESS", "104 bytes", "text"):
        assert text in shown
    assert len(shown.splitlines()) < 10  # zeros are not repeated


def test_variables_that_do_not_count() -> None:
    kept, gone, half, new = (variable(name) for name in ("kept", "gone", "half", "new"))
    gone.state = 0x3F & EfiVariable.State.VAR_DELETED
    half.state = EfiVariable.State.VAR_HEADER_VALID_ONLY
    image = store_with(kept, gone, half, new)
    assert names(image) == ["kept", "new"]


def test_variable_that_was_being_replaced() -> None:
    old, new = variable(data=b"old"), variable(data=b"new")
    old.state = 0x3F & EfiVariable.State.VAR_IN_DELETED_TRANSITION
    only = Store(bytes(store_with(old))).variables()
    assert [found.data for found in only] == [b"old"]
    both = Store(bytes(store_with(old, new))).variables()
    assert [found.data for found in both] == [b"new"]


def test_header_that_was_never_finished() -> None:
    image = store_with(variable("first"))
    at = FIRST + len(variable("first").serialize())
    at += -at % 4
    image[at : at + 3] = b"\xaa\x55\xff"
    assert names(image) == ["first"]


# ----------------------------------------------------------------------------------- damaged ones


def damaged(at: int, change: bytes) -> bytes:
    image = store_with(variable())
    image[at : at + len(change)] = change
    return bytes(image)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (b"", "has only 0 bytes"),
        (bytes(2 * 0x42000), "does not begin with a firmware volume"),
        (efi.empty_store()[:0x42000], "was cut off"),
        (damaged(16, bytes(16)), "has no variables"),
        (damaged(45, b"\0"), "checksum of its volume header is wrong"),
        (damaged(48, b"\xff\xff"), "volume header cannot have 65535 bytes"),
        (damaged(72, bytes(16)), "not authenticated"),
        (damaged(88, b"\xff\xff\xff\xff"), "cannot have 4294967295 bytes"),
        (damaged(92, b"\xff"), "not formatted and healthy"),
        (damaged(FIRST, b"\0"), "what is at 0x64 is no variable"),
        (damaged(FIRST + 36, b"\0\0\0\x70"), "goes beyond the end"),
        (damaged(FIRST + 60, b"\0\xd8"), "no proper name"),
        (damaged(FIRST + 0x1000, b"x"), "is no variable"),
        (damaged(JOURNAL, b"\xfc"), "start the machine once"),
    ],
)
def test_damage_is_noticed_and_left_alone(tmp_path: Path, image: bytes, reason: str) -> None:
    path = tmp_path / "vars.fd"
    path.write_bytes(image)
    store = efi.EfiVars(path, SimpleNamespace(name="web", booted=False))
    for use in (store.variables, lambda: store.write([variable()])):
        with pytest.raises(StoreError, match=f"the EFI variable store .*vars.fd: .*{reason}"):
            use()
    assert issubclass(StoreError, MachineError)
    assert path.read_bytes() == image
    assert list(tmp_path.iterdir()) == [path]


def test_finished_update_is_no_damage() -> None:
    record = struct.pack("<B39x", 0xF9)
    header = struct.pack("<B3x16s4xQQ", 0xF8, bytes(16), 1, 0)
    assert names(damaged(JOURNAL, header + record)) == ["Demo"]
    with pytest.raises(StoreError, match="start the machine once"):
        names(damaged(JOURNAL, header + record + b"\xfe"))


# ---------------------------------------------------------------------------------------- the file


@pytest.fixture
def store(tmp_path: Path) -> efi.EfiVars:
    return efi.EfiVars(tmp_path / "vars.fd", SimpleNamespace(name="web", booted=False))


def test_variables_are_added_replaced_and_removed(store: efi.EfiVars) -> None:
    store.write([variable("a"), variable("b")])
    store.write([variable("b", b"new"), variable("c")])
    store.write([variable("a", b"")])
    found = {one.name: one.data for one in store.variables() or []}
    assert found == {"b": b"new", "c": b"\x2a"}
    assert list(store.read_content() or {}) == [str(VENDOR)]


def test_too_many_variables(store: efi.EfiVars) -> None:
    store.create_empty()
    with pytest.raises(RequestedAssertionFailed, match="the store has room for"):
        store.write([variable(data=bytes(300_000))])
    assert store.variables() == []


def test_store_is_made_once(store: efi.EfiVars) -> None:
    assert store.variables() is None and store.read_content() is None
    store.create_empty()
    with pytest.raises(RequestedAssertionFailed, match="exists already"):
        store.create_empty()


def test_running_machine_keeps_its_variables(store: efi.EfiVars) -> None:
    store.machine.booted = True
    for use in (store.create_empty, store.variables, lambda: store.write([])):
        with pytest.raises(RequestedAssertionFailed, match="only while it is off"):
            use()


# --------------------------------------------------------------------------- what others have made


def ovmf(name: str) -> bytes:
    path = OVMF / name
    if not path.exists():
        pytest.skip(f"there is no {path}")
    return path.read_bytes()


def test_empty_store_is_that_of_ovmf() -> None:
    assert efi.empty_store() == ovmf("OVMF_VARS_4M.fd")


@pytest.mark.parametrize("name", ["OVMF_VARS_4M.ms.fd", "OVMF_VARS.ms.fd"])
def test_store_with_enrolled_keys(name: str) -> None:
    image = ovmf(name)
    found = Store(image).variables()
    assert {"PK", "KEK", "db", "dbx", "SecureBootEnable"} <= {one.name for one in found}
    key = next(one for one in found if one.name == "PK")
    assert key.time_based_authenticated_write_access
    assert key.vendorUUID == EfiGuid.gEfiGlobalVariableGuid
    again = Store(image).with_variables(found)
    assert [vars(one) for one in Store(again).variables()] == [vars(one) for one in found]


def test_small_store_is_written_too(store: efi.EfiVars) -> None:
    image = ovmf("OVMF_VARS.fd")
    store.state_path.write_bytes(image)
    store.write([variable()])
    assert store.state_path.stat().st_size == len(image) == 0x20000
    assert [one.name for one in store.variables() or []] == ["Demo"]


def test_another_tool_reads_what_we_write(store: efi.EfiVars, tmp_path: Path) -> None:
    tool = shutil.which("virt-fw-vars") or pytest.skip("there is no virt-fw-vars")
    store.write([variable()])
    listing = tmp_path / "vars.json"
    command = [tool, "--input", str(store), "--output-json", str(listing)]
    subprocess.run(command, check=True, timeout=60)
    [found] = json.loads(listing.read_text())["variables"]
    assert (found["name"], found["guid"], found["data"]) == ("Demo", str(VENDOR), "2a")


# --------------------------------------------------------------------------------------- a machine


def test_variables_of_a_machine(run_driver: RunDriver, workspace: Workspace) -> None:
    script = f"""
        import uuid
        from test_driver.efi import EfiVariable
        from test_driver.errors import RequestedAssertionFailed
        vendor = uuid.UUID("{VENDOR}")
        assert web.read_efi_vars() == []
        web.create_efi_vars()
        web.write_efi_vars([EfiVariable(vendor_uuid=vendor, name="Demo", data=b"*", flags=7)])
        web.start()
        for use in (web.create_efi_vars, web.read_efi_vars, web.dump_efi_vars):
            with t.assertRaises(RequestedAssertionFailed):
                use()
        web.crash()
        web.dump_efi_vars()
        [found] = web.read_efi_vars()
        assert found.vendorUUID == uuid.UUID(bytes=vendor.bytes_le)
        assert str(web.efi_vars) == str(web.state_dir / "web-efi-vars.fd")
    """
    result = run_driver(script).must_succeed()
    assert f"Demo ({VENDOR})" in result.stdout


def test_start_script_and_we_agree_on_the_place(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    path = workspace.root / "elsewhere.fd"
    run_driver("web.create_efi_vars()", env={"NIX_EFI_VARS": str(path)}).must_succeed()
    assert path.read_bytes() == efi.empty_store()
