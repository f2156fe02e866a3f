"""OVMF reads EFI variables that we write, and changes them; then we read them again."""

from __future__ import annotations

import re
from pathlib import Path

import guest
import pytest

CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VENDOR = "a19f72f8-b554-4bd7-a0c2-2762bd854691"

# There is no operating system: the firmware's shell runs startup.nsh from a disk.
START_SCRIPT = """#!/bin/sh
exec qemu-system-x86_64 -machine pc -accel tcg -m 128 -net none \\
    -drive if=pflash,format=raw,unit=0,readonly=on,file={code} \\
    -drive if=pflash,format=raw,unit=1,file="${{NIX_EFI_VARS:-machine-efi-vars.fd}}" \\
    -drive file=fat:rw:{disk},format=raw,if=virtio "$@"
"""

# setvar shows a variable if there is no value, and removes it if the value is empty.
SHELL_SCRIPT = f"""@echo -off
setvar Demo -guid {VENDOR}
setvar Demo -guid {VENDOR} -nv -bs -rt =2b
setvar Gone -guid {VENDOR} =
setvar Made -guid {VENDOR} -nv -bs -rt =010203
echo the firmware has run
"""

TEST_SCRIPT = f"""
import uuid
from test_driver.efi import EfiVariable

vendor = uuid.UUID("{VENDOR}")
flags = EfiVariable.Flags
usual = flags.NON_VOLATILE | flags.BOOTSERVICE_ACCESS | flags.RUNTIME_ACCESS


def write(*names):
    machine.write_efi_vars([
        EfiVariable(vendor_uuid=vendor, name=name, data=b"*", flags=usual) for name in names
    ])


def run_firmware(demo):
    machine.start()
    machine.wait_for_console_text(f"Demo - 0001 Bytes\\s+{{demo}}", timeout=300)
    machine.wait_for_console_text("the firmware has run", timeout=300)
    with t.assertRaises(AssertionError):
        machine.read_efi_vars()
    machine.crash()
    ours = uuid.UUID(bytes=vendor.bytes_le)
    found = {{v.name: v.data for v in machine.read_efi_vars() if v.vendorUUID == ours}}
    assert found == {{"Demo": b"\x2b", "Kept": b"*", "Made": b"\x01\x02\x03"}}, found
    assert "BootOrder" in [v.name for v in machine.read_efi_vars()]


machine.create_efi_vars()
write("Demo", "Gone", "Kept")
run_firmware("2A")
write("Gone")  # between variables of the firmware's own
run_firmware("2B")
"""


@pytest.mark.skipif(not CODE.exists(), reason="there is no OVMF")
def test_firmware_reads_and_changes_our_variables(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "startup.nsh").write_text(re.sub("\n", "\r\n", SHELL_SCRIPT))
    script = tmp_path / "run-machine-vm"
    script.write_text(START_SCRIPT.format(code=CODE, disk=disk))
    script.chmod(0o755)
    test = tmp_path / "test.py"
    test.write_text(TEST_SCRIPT)
    result = guest.run(guest.DRIVER, "--start-scripts", script, "--", test, cwd=tmp_path)
    assert result.returncode == 0, str(result)
