"""The view of a card for a trained schedule: S, D, the days left, the price of a minute, and the weights.

Weights are shown by their work, rather than as numbers: the intervals that lead to three retentions, and S
and D after a right and a wrong answer.  A schedule that was trained with many weights then serves others.
"""

import numpy as np

from coursewright.evaluation.card.card import Cards
from coursewright.simulators.arrays import Floats, Observation
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.memory.fsrs import (
    AGAIN,
    EASY,
    GOOD,
    after_lapse,
    after_recall,
    interval,
    next_difficulty,
    next_stability,
    recall,
)

LOOKS = (0.6, 0.9, 0.98)  # retentions
ALONE, EACH = 8, 3  # columns for all, and for each of those
WIDTH = ALONE + EACH * len(LOOKS)
HIGHEST_PRICE = 1024.0
SMALLEST = 1e-3  # days of stability after a lapse
LATER, THERE = 10.0, 0.9  # the next but one review: so many times S, at this recall


@inlined
def _write(s: float, d: float, left: int, days: int, price: float, w: Floats, out: Observation) -> None:
    """Write `out [WIDTH]` of one card; every column is about -1 to 1."""
    out[0] = (np.log(s) - 3.0) / 3.0
    out[1] = (d - 5.5) / 3.0
    out[2] = 2.0 * left / days - 1.0
    out[3] = np.log(left / days) / 2.0 + 1.0
    out[4] = 2.0 * np.log(1.0 + price) / np.log(1.0 + HIGHEST_PRICE) - 1.0
    out[5] = (next_difficulty(d, AGAIN, w) - d) / 2.0
    out[6] = (next_difficulty(d, GOOD, w) - d) / 2.0
    out[7] = np.log(after_recall(LATER * s, d, THERE, GOOD, w) / (LATER * s)) - 1.0
    for place in range(len(LOOKS)):
        at = ALONE + EACH * place
        gap = interval(s, LOOKS[place], w)
        recalled = recall(gap, s, w)
        out[at] = np.log(gap / left) / 3.0
        out[at + 1] = np.log(after_recall(s, d, recalled, GOOD, w) / s) - 1.0
        out[at + 2] = np.log(max(after_lapse(s, d, recalled, w), SMALLEST)) / 2.0


@kernel
def show(cards: Cards, weights: Floats, price: Floats, days: int, out: Observation) -> None:
    """Write `out [batch, WIDTH]`, for weights `[batch, 21]`, prices `[batch]` and so many days in all."""
    for i in range(out.shape[0]):
        s, d, left = cards.stability[i], cards.difficulty[i], max(cards.left[i], 1)
        _write(s, d, left, days, price[i], weights[i], out[i])


@kernel
def show_outcomes(
    cards: Cards, gap: Floats, weights: Floats, price: Floats, days: int, out: Observation
) -> None:
    """Write `out [batch, 4, WIDTH]`, the views after a review in so many days with each of the grades."""
    for i in range(out.shape[0]):
        w, s, d, left = weights[i], cards.stability[i], cards.difficulty[i], cards.left[i] - int(gap[i])
        recalled = recall(gap[i], s, w)
        for grade in range(AGAIN, EASY + 1):
            after, harder = next_stability(s, d, gap[i], recalled, grade, w), next_difficulty(d, grade, w)
            _write(after, harder, max(left, 1), days, price[i], w, out[i, grade - 1])


@kernel
def chances(cards: Cards, gap: Floats, weights: Floats, right: Floats, out: Floats) -> None:
    """Write the chance of each grade, `out [batch, 4]`, of a review in so many days `gap [batch]`."""
    for i in range(out.shape[0]):
        recalled = recall(gap[i], cards.stability[i], weights[i])
        out[i, 0] = 1.0 - recalled
        for place in range(right.shape[0]):
            out[i, 1 + place] = recalled * right[place]
