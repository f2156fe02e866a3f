"""The C++ engine, or what stands in for it where there is none.

Inside the driver program the module ``_ntd`` is built in. In an ordinary Python (an editor, a type
checker, a unit test of a helper module) this package can be imported all the same: its classes are
there with their methods and documentation, but no machine can be made.
"""

from __future__ import annotations

__all__ = ["engine"]

TYPE_CHECKING = False  # see __init__.py
if TYPE_CHECKING:
    # A stub inside the package: the only place where checkers find it for an installed package.
    from typing import Any
    from test_driver import _ntd as engine
else:
    try:
        import _ntd as engine
    except ImportError:
        import math
        import time

        class _WaitLimit:
            """The limit of a wait; there are no machines whose calls could run into it."""

            def __init__(self, timeout: float | None) -> None:
                self._end = math.inf if timeout is None else time.monotonic() + timeout

            def __enter__(self) -> _WaitLimit:
                return self

            def __exit__(self, *_: object) -> None: ...

            def begin_last(self) -> None: ...

            def left(self) -> float:
                return max(self._end - time.monotonic(), 0.0)

            def has_cut(self) -> bool:
                return False

            @staticmethod
            def left_now() -> float:
                return math.inf

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
            VsockSockets = _Unavailable
            WaitLimit = _WaitLimit

            @staticmethod
            def warns_of_old_forms() -> bool:
                return False
