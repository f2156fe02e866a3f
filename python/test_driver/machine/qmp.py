"""QEMU's machine protocol."""

from __future__ import annotations


class QMPAPIError(RuntimeError):
    """QEMU refused a QMP command.

    ``class_name`` is QEMU's error class such as ``CommandNotFound``, ``description`` its text.
    """

    def __init__(self, class_name: str, description: str, transaction_id: str | None = None) -> None:
        super().__init__(f"<QMP error: {class_name}: {description}>")
        self.class_name = class_name
        self.description = description
        self.transaction_id = transaction_id
