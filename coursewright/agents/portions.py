"""Learners in portions of which each takes little memory, for those who try things out on copies of them."""

from collections.abc import Iterator
from typing import Any

from coursewright.simulators.arrays import Ints

MOST_BYTES = 1 << 26  # of the copies that are tried at once


def parts(rows: Ints, bytes_each: int) -> Iterator[Ints]:
    """The rows in parts of which each takes little memory; a row takes `bytes_each`."""
    size = max(1, MOST_BYTES // max(1, bytes_each))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def bytes_of(state: tuple[Any, ...]) -> int:
    """The bytes in the arrays of a state."""
    return sum(bytes_of(a) if isinstance(a, tuple) else a.nbytes for a in state)
