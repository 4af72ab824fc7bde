"""Probabilities that people give: one number or an array, checked where they enter."""

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Floats


def numbers(field: str, values: object, shape: tuple[int, ...], sizes: str) -> Floats:
    """`values` as a new array of this shape that nobody can write to; a single number fills it.

    `sizes` names the axes for people, such as "[items, states]".  Raises `InputError` where the shape
    is another or something is no finite number.
    """
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise reject(field, values, f"numbers {sizes}") from error
    if array.shape not in ((), shape):
        raise reject(field, f"array of shape {array.shape}", f"one number or of shape {shape}, {sizes}")
    array = np.array(np.broadcast_to(array, shape))
    if not np.isfinite(array).all():
        raise reject(field, array[~np.isfinite(array)][0], "finite numbers")
    array.setflags(write=False)
    return array


def probabilities(field: str, values: object, shape: tuple[int, ...], sizes: str) -> Floats:
    """The same for probabilities: an `InputError` also where one leaves [0, 1]."""
    array = numbers(field, values, shape, sizes)
    wrong = (array < 0.0) | (array > 1.0)
    if wrong.any():
        raise reject(f"{field}{np.argwhere(wrong)[0].tolist()}", array[wrong][0], "a probability in [0, 1]")
    return array


def check_answers(field: str, guess: Floats, wrong: Floats, names: str) -> None:
    """Refuse chances of a right answer if unknown and a wrong one if known that add up to 1 or more.

    There the "known" state would answer no better than the unknown one (label switching).
    """
    total = guess + wrong
    if (total >= 1.0).any():
        raise reject(f"{field} {names}", total.max(), "below 1 in sum")


def check_sums(field: str, rows: Floats) -> None:
    """Refuse distributions `[..., outcomes]` that do not add up to 1."""
    sums = rows.sum(axis=-1)
    wrong = np.abs(sums - 1.0) > 1e-9
    if wrong.any():
        raise reject(field, f"a row with the sum {sums[wrong].flat[0]:g}", "rows that add up to 1")
