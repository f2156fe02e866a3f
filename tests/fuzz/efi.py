"""EFI variable stores, which the guest's firmware and kernel write."""

import contextlib

from test_driver.efi import EfiVariable, Store, StoreError, empty_store

# The first byte selects where the input is placed in a store. At random places few stores would be
# valid.
PLACES = (0, 0x48, 0x64, 0x41000, 0x41020, 0x42000)
EMPTY = empty_store()


def one(data: bytes) -> None:
    begin = PLACES[data[0] % len(PLACES)] if data else 0
    image = EMPTY[:begin] + data[1:] + EMPTY[begin + max(0, len(data) - 1) :]
    with contextlib.suppress(StoreError):
        store = Store(image)
        found: list[EfiVariable] = store.variables()
        for variable in found:
            repr(variable)
        Store(store.with_variables(found))
