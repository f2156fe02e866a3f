"""The C++ engine, or what stands in for it where there is none.

Inside the driver program the module ``_ntd`` is built in. In an ordinary Python (an editor, a type
checker, a unit test of a helper module) this package can be imported all the same: its classes are
there with their methods and documentation, but no machine can be made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["engine"]

if TYPE_CHECKING:
    # A stub inside the package: the only place where checkers find it for an installed package.
    from test_driver import _ntd as engine
else:
    try:
        import _ntd as engine
    except ImportError:

        class _Unavailable:
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                name = type(self).__name__
                raise RuntimeError(f"{name}: only the program nixos-test-driver can make one")

        class engine:
            """Has the classes that others derive from."""

            BaseMachine = _Unavailable
            NspawnMachine = _Unavailable
            QemuMachine = _Unavailable
            VLan = _Unavailable
            VhostVsock = _Unavailable
