"""Polling conditions, under the module name that scripts import."""

from __future__ import annotations

from test_driver.script.polling_condition import PollingCondition, PollingConditionError

__all__ = ["PollingCondition", "PollingConditionError"]
