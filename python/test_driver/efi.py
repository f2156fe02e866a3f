"""EFI variables, under the module name that scripts import."""

from __future__ import annotations

from test_driver.firmware.efi_vars import EfiVars
from test_driver.firmware.store import Store, StoreError, empty_store
from test_driver.firmware.variables import EfiGuid, EfiTime, EfiVariable, StoredUuid, guid_name

__all__ = [
    "EfiGuid",
    "EfiTime",
    "EfiVariable",
    "EfiVars",
    "Store",
    "StoreError",
    "StoredUuid",
    "empty_store",
    "guid_name",
]
