"""The price of a learner's minute: a charge on the reward, and a feature that tells the tutor of it."""

from collections.abc import Sequence

import numpy as np

from coursewright.envs.features import LEAST_PRICE, LOG_PRICE, MOST_PRICE, Feature
from coursewright.envs.layout import Layout
from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Observation

Price = float | Sequence[float] | None
"""The same price for all learners, a range [low, high] in which each has their own, or no charge."""


def check_price(price: object, features: Sequence[str | Feature]) -> None:
    """Refuse a task's price that is none of those, and a feature that tells of none."""
    if price is None:
        if LOG_PRICE.name in features:
            raise reject("task.price", None, f"a price, because task.features holds {LOG_PRICE.name!r}")
        return
    ranged = isinstance(price, Sequence) and not isinstance(price, str)
    ends = [*price] if isinstance(price, Sequence) else [price]
    numbers = [float(end) for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    within = len(numbers) == len(ends) and all(0.0 <= end <= MOST_PRICE for end in numbers)
    if not within or (ranged and (len(numbers) != 2 or not 0.0 < numbers[0] < numbers[1])):
        allowed = f"null, a number in [0, {MOST_PRICE:g}], or a range [low, high] with 0 < low < high"
        raise reject("task.price", price, allowed)


def log_prices(price: Price, given: Floats | None) -> Floats:
    """The feature of learners who were `given` prices `[rows]`, or have that of their task.

    Raises `InputError` for a range without prices.
    """
    if given is None and isinstance(price, Sequence):
        raise reject("records.price", None, f"a price a row, since task.price = {list(price)} is a range")
    return np.log(np.maximum(np.asarray(price if given is None else given, np.float64), LEAST_PRICE))


def prices(price: Price, memory: Observation, layout: Layout) -> Floats | float:
    """The price of each row's minute, `[batch]`: their record is the one place that holds a drawn one."""
    if not isinstance(price, Sequence):
        return price or 0.0
    column = memory[:, layout.columns(LOG_PRICE.name)][:, 0]
    return np.exp(column, dtype=np.float64)
