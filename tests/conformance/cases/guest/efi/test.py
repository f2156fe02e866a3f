import uuid

from test_driver.efi import EfiVariable
from test_driver.errors import RequestedAssertionFailed

vendor = uuid.UUID("e1f2a3b4-0c1d-4e2f-8a3b-5c6d7e8f9a0b")
in_guest = f"/sys/firmware/efi/efivars/Demo-{vendor}"
flags = EfiVariable.Flags
usual = flags.NON_VOLATILE | flags.BOOTSERVICE_ACCESS | flags.RUNTIME_ACCESS


def demo():
    ours = uuid.UUID(bytes=vendor.bytes_le)
    return [v.data for v in machine.read_efi_vars() if (v.name, v.vendorUUID) == ("Demo", ours)]


with subtest("a variable for the guest"):
    machine.create_efi_vars()
    machine.write_efi_vars(
        [EfiVariable(vendor_uuid=vendor, name="Demo", data=b"from the host", flags=usual)]
    )
    assert demo() == [b"from the host"]

with subtest("in the guest"):
    machine.start()
    with t.assertRaises(RequestedAssertionFailed):
        machine.read_efi_vars()
    assert machine.succeed(f"cat {in_guest} | tail -c +5") == "from the host"
    machine.succeed(f"chattr -i {in_guest}; printf '\\7\\0\\0\\0from the guest' >{in_guest}")

with subtest("what the guest has made of it"):
    machine.crash()
    assert demo() == [b"from the guest"], demo()
    machine.dump_efi_vars()
