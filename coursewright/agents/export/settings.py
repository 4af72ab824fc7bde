"""The settings of a rule, as a tutor file's words tell them."""

from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any


def settings_of(rule: object) -> dict[str, Any]:
    """The plain values that a rule holds, and those of its plan and of the plan's parts."""
    found, parts = dict[str, Any](), [rule]
    while parts:
        part = parts.pop()
        values = {one.name: getattr(part, one.name) for one in fields(part)} if is_dataclass(part) else {}
        found |= {name: value for name, value in values.items() if _is_plain(value)}
        parts += values.values() if part is not rule else [values.get("plan")]
    return found


def _is_plain(value: object) -> bool:
    """True for a text, a yes or no, and a number that JSON can hold."""
    return isinstance(value, bool | str) or (isinstance(value, int | float) and isfinite(value))
