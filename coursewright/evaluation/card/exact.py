"""The exact optimum of a card, by value iteration over the days left.

With tau days left, S and D after the last review, and lambda the price of a minute in days of recall:

    V(tau, S, D) = max over actions of  sum over d = 1 ... min(interval, tau) of R(d, S)
        + [interval <= tau] sum over grades of P(grade) (V(tau - interval, S', D') - lambda minutes)

and V(0) = 0.  Actions are desired retentions, each the ordinary FSRS interval for it.  The grid is that of
`agents/fsrs_grid.py`; the policy takes the action of the nearest grid point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.agents.fsrs_grid import (
    CORNERS,
    Grid,
    cell,
    grid_of,
    nearest,
    stability_at,
)
from coursewright.errors import reject
from coursewright.evaluation.card.card import Card, Cards
from coursewright.simulators.arrays import Floats
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.memory.fsrs import AGAIN, EASY, first_difficulty, in_range, interval, recall

RETENTIONS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.96, 0.98)


class CardGrid(NamedTuple):
    """All that does not depend on the price: states and actions, and the sum of R over the first days.

    `memory [points, days + 1]`.
    """

    grid: Grid
    memory: Floats


@kernel
def _fill(w: Floats, memory: Floats) -> None:
    for point in range(memory.shape[0]):
        memory[point, 0] = 0.0
        for d in range(1, memory.shape[1]):
            memory[point, d] = memory[point, d - 1] + recall(d, stability_at(point), w)


@inlined
def action_worth(
    given: CardGrid, review: Floats, price: float, value: Floats, left: int, point: int, a: int
) -> float:
    """The worth of an action with so many days left, by the values `[days + 1, points]` of what follows."""
    grid, days = given.grid, given.grid.days[point, a]
    total = given.memory[point, min(days, left)]
    if days <= left:
        for grade in range(review.shape[0]):
            after = -price * review[grade]
            for place in range(CORNERS):
                corner = grid.corner[point, a, grade, place]
                after += grid.share[point, a, grade, place] * value[left - days, corner]
            total += grid.chance[point, a, grade] * after
    return float(total)


@kernel
def _iterate(
    given: CardGrid, review: Floats, price: float, value: Floats, best: npt.NDArray[np.int8]
) -> None:
    """Fill `value` and `best [days + 1, points]` from no days left upwards."""
    for left in range(1, value.shape[0]):
        for point in range(value.shape[1]):
            value[left, point] = -np.inf
            for a in range(given.grid.days.shape[1]):
                found = action_worth(given, review, price, value, left, point, a)
                if found > value[left, point]:
                    value[left, point] = found
                    best[left, point] = a


def card_grid(card: Card, retentions: Sequence[float] = RETENTIONS) -> CardGrid:
    """The grid of a card and these actions: the same for every price."""
    grid = grid_of(card.costs.weights, card.costs.right, retentions)
    memory = np.zeros((len(grid.days), card.days + 1))
    _fill(card.costs.weights, memory)
    return CardGrid(grid, memory)


@kernel
def _choose(cards: Cards, best: npt.NDArray[np.int8], retentions: Floats, w: Floats, out: Floats) -> None:
    for i in range(out.shape[0]):
        action = best[max(cards.left[i], 0), nearest(cards.stability[i], cards.difficulty[i])]
        out[i] = interval(cards.stability[i], retentions[action], w)


@dataclass(frozen=True, eq=False)
class Optimum:
    """The optimal schedule of a card for a price, as a table of actions `[days + 1, points]`.

    `worth` is the best possible recall minus price times minutes a day, J.
    """

    card: Card
    price: float
    worth: float
    best: npt.NDArray[np.int8]
    retentions: tuple[float, ...] = RETENTIONS

    def begin(self, batch: int) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def intervals(self, cards: Cards, memory: tuple[()]) -> Floats:
        """See `Schedule`."""
        out = np.empty(len(cards.left))
        _choose(cards, self.best, np.array(self.retentions), self.card.costs.weights, out)
        return out


def optimum(card: Card, price: float, grid: CardGrid | None = None) -> Optimum:
    """Value iteration for a price >= 0 (lambda); a `grid` that was made before serves for every price."""
    if not 0.0 <= price < np.inf:
        raise reject("price", price, "a finite number >= 0")
    grid = card_grid(card) if grid is None else grid
    value = np.zeros((card.days + 1, len(grid.memory)))
    best = np.zeros(value.shape, np.int8)
    _iterate(grid, card.costs.review, float(price), value, best)
    return Optimum(card, float(price), first_worth(card, price, value[-1]), best)


def first_worth(card: Card, price: float, value: Floats) -> float:
    """J of a new card, from the values `[points]` of the whole horizon."""
    costs, total = card.costs, 0.0
    for grade in range(AGAIN, EASY + 1):
        corner, share = np.zeros(CORNERS, np.int64), np.zeros(CORNERS)
        difficulty = in_range(first_difficulty(grade, costs.weights))
        cell(costs.weights[grade - 1], difficulty, corner, share)
        worth = float(share @ value[corner]) - price * costs.learning[grade - 1]
        total += costs.first[grade - 1] * worth
    return total / card.days
