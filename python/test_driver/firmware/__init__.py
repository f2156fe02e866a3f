"""EFI variables: what a machine's firmware stores."""

from __future__ import annotations

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from test_driver.firmware.efi_vars import EfiVars
    from test_driver.firmware.variables import EfiVariable


class FirmwareMixin:
    """Access to the EFI variables of a QEMU machine while it is off.

    The methods raise RequestedAssertionFailed while the machine is running, and MachineError if the
    variable store is damaged.
    """

    _efi_vars: Any = None

    @property
    def efi_vars(self) -> EfiVars:
        """The machine's variable store; ``efi_vars.state_path`` is its file."""
        if self._efi_vars is None:
            from test_driver.firmware.efi_vars import EfiVars

            self._efi_vars = EfiVars(None, self)
        return self._efi_vars  # type: ignore[no-any-return]

    def create_efi_vars(self) -> None:
        """Create an empty variable store. Raises RequestedAssertionFailed if there is one."""
        self.efi_vars.create_empty()

    def write_efi_vars(self, add: Iterable[EfiVariable]) -> None:
        """Add variables to the store, or replace those with the same name and vendor.

        Creates the store if there is none. A variable without data is removed from the store.
        """
        self.efi_vars.write(add)

    def read_efi_vars(self) -> list[EfiVariable]:
        """Return all variables in the store; an empty list if there is no store."""
        return self.efi_vars.variables() or []

    def dump_efi_vars(self) -> None:
        """Print all variables in the store."""
        print(f"EFI variables of {getattr(self, 'name', 'the machine')}:")
        for variable in self.read_efi_vars():
            variable.print()
