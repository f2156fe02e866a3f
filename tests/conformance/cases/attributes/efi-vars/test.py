assert machine.efi_vars is machine.efi_vars
assert machine.read_efi_vars() == []
machine.create_efi_vars()
assert machine.read_efi_vars() == []
machine.dump_efi_vars()
with t.assertRaises(AssertionError):
    machine.create_efi_vars()
