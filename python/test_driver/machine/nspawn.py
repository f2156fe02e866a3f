"""systemd-nspawn containers."""

from __future__ import annotations

from typing import Any

from test_driver.machine.base import BaseMachine


class NspawnMachine(BaseMachine):
    """A systemd-nspawn container. This version has the name, for annotations, and cannot run one."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("containers cannot be run by this version")
