"""Refusals: one line that names the value, what is allowed, and the remedy."""

from collections.abc import Iterable
from difflib import get_close_matches


class TutorError(ValueError):
    """What was given cannot be used; nothing has changed."""


def refused(name: str, value: object, allowed: str) -> TutorError:
    """The refusal of a value: "name = value: allowed"."""
    shown = repr(value)
    return TutorError(f"{name} = {shown if len(shown) <= 80 else shown[:77] + '...'}: {allowed}")


def unknown(name: str, value: object, known: Iterable[str], of: str) -> TutorError:
    """The refusal of a name that is not among those `known`; the nearest one is told."""
    near = get_close_matches(str(value), known, n=1)
    return refused(name, value, f"not in {of}" + (f"; did you mean {near[0]!r}?" if near else ""))
