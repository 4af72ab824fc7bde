"""The exact optimum of a card, by value iteration over the days left.

With tau days left, S and D after the last review, and lambda the price of a minute in days of recall:

    V(tau, S, D) = max over actions of  sum over d = 1 ... min(interval, tau) of R(d, S)
        + [interval <= tau] sum over grades of P(grade) (V(tau - interval, S', D') - lambda minutes)

and V(0) = 0.  Actions are desired retentions, each the ordinary FSRS interval for it.  The grid is ln S from
.01 to 36,500 days by D from 1 to 10, with the four corners of a cell interpolated; the policy takes the
action of the nearest grid point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.evaluation.card.card import Card, Cards, Costs
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.memory.fsrs import (
    AGAIN,
    EASY,
    HARD,
    first_difficulty,
    in_range,
    interval,
    next_difficulty,
    next_stability,
    recall,
)

RETENTIONS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.96, 0.98)
SHORTEST, LONGEST = 0.01, 36_500.0  # stability on the grid, in days
STABILITIES, DIFFICULTIES = 64, 32  # grid points
CORNERS = 4


class Grid(NamedTuple):
    """All that does not depend on the price, for grid point x and action a.

    `days [points, actions]` is the interval, `chance [points, actions, 4]` that of each grade, `corner` and
    `share [points, actions, 4, 4]` the grid points around the state after each grade and their weights,
    `memory [points, days + 1]` the sum of R over the first days.
    """

    days: Ints
    chance: Floats
    corner: Ints
    share: Floats
    memory: Floats


@inlined
def _cell(stability: float, difficulty: float, corner: Ints, share: Floats) -> None:
    """The four grid points around a state and their weights, `[4]` each."""
    x = np.log(min(max(stability, SHORTEST), LONGEST) / SHORTEST) / np.log(LONGEST / SHORTEST)
    x, y = x * (STABILITIES - 1), (difficulty - 1.0) / 9.0 * (DIFFICULTIES - 1)
    i, j = min(int(x), STABILITIES - 2), min(max(int(y), 0), DIFFICULTIES - 2)
    for place in range(CORNERS):
        up, right = place // 2, place % 2
        corner[place] = (i + up) * DIFFICULTIES + j + right
        share[place] = (x - i if up else 1.0 - x + i) * (y - j if right else 1.0 - y + j)


@kernel
def _fill(costs: Costs, retentions: Floats, grid: Grid) -> None:
    w = costs.weights
    for point in range(grid.days.shape[0]):
        step = np.log(LONGEST / SHORTEST) / (STABILITIES - 1)
        stability = SHORTEST * np.exp(step * (point // DIFFICULTIES))
        difficulty = 1.0 + 9.0 * (point % DIFFICULTIES) / (DIFFICULTIES - 1)
        grid.memory[point, 0] = 0.0
        for d in range(1, grid.memory.shape[1]):
            grid.memory[point, d] = grid.memory[point, d - 1] + recall(d, stability, w)
        for a in range(retentions.shape[0]):
            days = interval(stability, retentions[a], w)
            recalled = recall(days, stability, w)
            grid.days[point, a] = int(days)
            for grade in range(AGAIN, EASY + 1):
                right = recalled * costs.right[grade - HARD] if grade > AGAIN else 1.0 - recalled
                grid.chance[point, a, grade - 1] = right
                after = next_stability(stability, difficulty, days, recalled, grade, w)
                harder = next_difficulty(difficulty, grade, w)
                _cell(after, harder, grid.corner[point, a, grade - 1], grid.share[point, a, grade - 1])


@kernel
def _iterate(grid: Grid, review: Floats, price: float, value: Floats, best: npt.NDArray[np.int8]) -> None:
    """Fill `value` and `best [days + 1, points]` from no days left upwards."""
    for left in range(1, value.shape[0]):
        for point in range(value.shape[1]):
            value[left, point] = -np.inf
            for a in range(grid.days.shape[1]):
                days = grid.days[point, a]
                worth = grid.memory[point, min(days, left)]
                if days <= left:
                    for grade in range(review.shape[0]):
                        after = -price * review[grade]
                        for place in range(CORNERS):
                            corner = grid.corner[point, a, grade, place]
                            after += grid.share[point, a, grade, place] * value[left - days, corner]
                        worth += grid.chance[point, a, grade] * after
                if worth > value[left, point]:
                    value[left, point] = worth
                    best[left, point] = a


def grid_of(card: Card, retentions: Sequence[float] = RETENTIONS) -> Grid:
    """The grid of a card and these actions: the same for every price."""
    points, actions = STABILITIES * DIFFICULTIES, len(retentions)
    grid = Grid(
        np.zeros((points, actions), np.int64),
        np.zeros((points, actions, EASY)),
        np.zeros((points, actions, EASY, CORNERS), np.int64),
        np.zeros((points, actions, EASY, CORNERS)),
        np.zeros((points, card.days + 1)),
    )
    _fill(card.costs, np.array(retentions, np.float64), grid)
    return grid


@kernel
def _choose(cards: Cards, best: npt.NDArray[np.int8], retentions: Floats, w: Floats, out: Floats) -> None:
    for i in range(out.shape[0]):
        x = np.log(min(max(cards.stability[i], SHORTEST), LONGEST) / SHORTEST) / np.log(LONGEST / SHORTEST)
        row = int(np.rint(x * (STABILITIES - 1)))
        column = int(np.rint((cards.difficulty[i] - 1.0) / 9.0 * (DIFFICULTIES - 1)))
        action = best[max(cards.left[i], 0), row * DIFFICULTIES + column]
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


def optimum(card: Card, price: float, grid: Grid | None = None) -> Optimum:
    """Value iteration for a price >= 0 (lambda); a `grid` that was made before serves for every price."""
    if not 0.0 <= price < np.inf:
        raise reject("price", price, "a finite number >= 0")
    grid = grid_of(card) if grid is None else grid
    value = np.zeros((card.days + 1, len(grid.days)))
    best = np.zeros(value.shape, np.int8)
    _iterate(grid, card.costs.review, float(price), value, best)
    return Optimum(card, float(price), _first(card, price, value[-1]), best)


def _first(card: Card, price: float, value: Floats) -> float:
    """J of a new card, from the values `[points]` of the whole horizon."""
    costs, total = card.costs, 0.0
    for grade in range(AGAIN, EASY + 1):
        corner, share = np.zeros(CORNERS, np.int64), np.zeros(CORNERS)
        difficulty = in_range(first_difficulty(grade, costs.weights))
        _cell(costs.weights[grade - 1], difficulty, corner, share)
        worth = float(share @ value[corner]) - price * costs.learning[grade - 1]
        total += costs.first[grade - 1] * worth
    return total / card.days
