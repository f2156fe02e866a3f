"""Import the C++ engine, or a stand-in outside the driver.

The module ``_ntd`` is built into the driver program. This package can also be imported in an
ordinary Python (an editor, a type checker, a unit test of a helper module). Its classes then have
their methods and docstrings, but machines and networks cannot be created.
"""

from __future__ import annotations

__all__ = ["engine"]

TYPE_CHECKING = False  # see __init__.py
if TYPE_CHECKING:
    # The stub is inside the package: type checkers find it nowhere else if that is installed.
    from typing import Any
    from test_driver import _ntd as engine
else:
    try:
        import _ntd as engine
    except ImportError:
        import math
        import time

        class _WaitLimit:
            """The time limit of a wait in seconds, without machines whose calls it could cut."""

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
            """Has the base classes of the package's classes."""

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
