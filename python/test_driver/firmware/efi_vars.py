"""Read and write the file with a machine's EFI variables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from test_driver._engine import engine
from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.files.unfinished import write_file
from test_driver.firmware.store import Store, StoreError, empty_store
from test_driver.firmware.variables import EfiVariable, guid_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


class EfiVars:
    """The store of a machine's EFI variables (``machine.efi_vars``).

    It can be used only while the machine is off; else the methods raise RequestedAssertionFailed.
    They raise MachineError if the store is damaged, and never write to a damaged one.
    """

    def __init__(self, state_path: Path | None, machine: Any) -> None:
        self._path = state_path
        self.machine = machine

    @property
    def state_path(self) -> Path:
        """The store's file: $NIX_EFI_VARS or a file in the state directory, as in start scripts."""
        if self._path is not None:
            return self._path
        given = os.environ.get("NIX_EFI_VARS")
        return Path(self.machine.state_dir, given) if given else Path(self.machine.efi_vars_path)

    def __fspath__(self) -> str:
        return str(self.state_path)

    def __str__(self) -> str:
        return str(self.state_path)

    def create_empty(self) -> None:
        """Create an empty store. Raises RequestedAssertionFailed if there is one."""
        self._check_off()
        if self.state_path.exists():
            raise RequestedAssertionFailed(
                f"the EFI variable store {self.state_path} exists already"
            )
        self._replace(empty_store())

    def variables(self) -> list[EfiVariable] | None:
        """Return the valid variables; None if there is no store yet."""
        self._check_off()
        store = self._load()
        return None if store is None else self._checked(store.variables)

    def read_content(self) -> dict[str, dict[str, EfiVariable]] | None:
        """Return the valid variables by vendor (name or GUID) and name; None without a store."""
        found = self.variables()
        if found is None:
            return None
        content: dict[str, dict[str, EfiVariable]] = {}
        for variable in found:
            vendor = guid_name(variable.vendorUUID)
            content.setdefault(vendor, {})[variable.name] = variable
        return content

    def write(self, add: Iterable[EfiVariable]) -> None:
        """Add variables, or replace those with the same name and vendor.

        As in the firmware, a variable without data is removed. Creates the store if there is none.
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
        """Replace the store's file atomically."""
        path = Path(os.path.realpath(self.state_path))
        try:
            if self._path is None and not os.environ.get("NIX_EFI_VARS"):
                engine.private_directory(self.machine.state_dir)
            else:  # the user chose the path
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(path, image)
        except OSError as error:
            raise MachineError(f"cannot write the EFI variables: {error}") from error
