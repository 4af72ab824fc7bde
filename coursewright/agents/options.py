"""Checks of an agent's options: a refusal is one line with the option's full path.

at_least(1, steps=self.steps, learners=self.learners)
"""

from collections.abc import Sequence

import numpy as np

from coursewright.errors import reject


def at_least(least: int, **options: object) -> None:
    """Refuse a value that is no whole number of `least` or more."""
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise reject(f"agent.{name}", value, f"a whole number >= {least}")


def shares(**options: object) -> None:
    """Refuse a value that is no number in [0, 1]."""
    for name, value in options.items():
        if not 0.0 <= _number(value) <= 1.0:
            raise reject(f"agent.{name}", value, "a number in [0, 1]")


def not_negative(**options: object) -> None:
    """Refuse a value that is no finite number >= 0."""
    for name, value in options.items():
        if not 0.0 <= _number(value) < np.inf:
            raise reject(f"agent.{name}", value, "a finite number >= 0")


def positive(**options: object) -> None:
    """Refuse a value that is no finite number > 0."""
    for name, value in options.items():
        if not 0.0 < _number(value) < np.inf:
            raise reject(f"agent.{name}", value, "a positive, finite number")


def between(low: float, high: float, **options: object) -> None:
    """Refuse a value that is no number in the open interval (low, high)."""
    for name, value in options.items():
        if not low < _number(value) < high:
            raise reject(f"agent.{name}", value, f"a number in ({low:g}, {high:g})")


def heads_of(given: object, rows: int, columns: int) -> tuple[tuple[float, ...], ...]:
    """Coefficients as tuples: so many rows of so many numbers."""
    lists = given if isinstance(given, Sequence) and not isinstance(given, str) else ()
    table = [list(row) if isinstance(row, Sequence) else [] for row in lists]
    numbers = [_number(value) for row in table for value in row]
    if [len(row) for row in table] != [columns] * rows or not np.isfinite(numbers).all():
        raise reject("agent.heads", given, f"{rows} lists of {columns} finite numbers")
    return tuple(tuple(float(value) for value in row) for row in table)


def switches(**options: object) -> None:
    """Refuse a value that is neither true nor false."""
    for name, value in options.items():
        if not isinstance(value, bool):
            raise reject(f"agent.{name}", value, "true or false")


def widths(layers: object) -> tuple[int, ...]:
    """The widths of hidden layers as a tuple; none at all make a linear network."""
    if isinstance(layers, str) or not isinstance(layers, Sequence):
        raise reject("agent.layers", layers, "a list of widths, such as [128, 128]")
    for place, width in enumerate(layers):
        at_least(1, **{f"layers[{place}]": width})
    return tuple(layers)


def feature_names(features: object) -> tuple[str, ...] | None:
    """The features that a network reads as a tuple; None stands for the default ones."""
    if features is None:
        return None
    given = () if isinstance(features, str) or not isinstance(features, Sequence) else tuple(features)
    if not given or not all(isinstance(name, str) for name in given):
        raise reject("agent.features", features, "null or a list of at least one feature")
    return given


def _number(value: object) -> float:
    """The value itself; for a value that is no number NaN, which lies in no range."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return float("nan")
    return float(value)
