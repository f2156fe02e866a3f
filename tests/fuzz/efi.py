"""Stores of EFI variables: the guest's firmware and its kernel write them."""

import contextlib

from test_driver.efi import EfiVariable, Store, StoreError, empty_store

# Where the input comes to lie in a store, by its first byte: too few would be right otherwise.
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
