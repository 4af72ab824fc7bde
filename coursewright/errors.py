"""What every room raises when an input is wrong: one line that names field, value and range."""

from collections.abc import Sequence
from difflib import get_close_matches


class InputError(ValueError):
    """Wrong input from a person: the message is one line and complete; no traceback is needed."""


def reject(field: str, value: object, allowed: str) -> InputError:
    """The error for `field`, which holds `value` where only `allowed` is accepted."""
    return InputError(f"{field} = {value}: must be {allowed}")


def unknown(field: str, value: object, known: Sequence[str]) -> InputError:
    """The error for a name that does not exist, with the nearest that does."""
    near = get_close_matches(str(value), list(known), n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "") if known else "none"
    return InputError(f"{field} = {value!r}: no such name{hint}; known: {shown}")
