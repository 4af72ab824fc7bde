"""The best schedule of a card that does not look at the days left: one action a stability and difficulty.

The exact optimum knows when the horizon ends, and reviews less before it.  A stationary policy mu(S, D) is
improved from the optimum's most frequent actions: it is evaluated with the days left, and then

    mu(x) = argmax over actions of  sum over tau of q(tau, x) G(tau, x, action)

with q the occupancy under mu and G the worth of an action that is followed by mu: policy iteration (Howard,
Dynamic Programming and Markov Processes, 1960) with the days left averaged out.  A step is kept only where J
rises.  No state knows the days left, so that this need not be the best of all stationary policies.
"""

import numpy as np
import numpy.typing as npt

from coursewright.agents.fsrs_grid import CORNERS, cell
from coursewright.evaluation.card.card import Card
from coursewright.evaluation.card.exact import (
    CardGrid,
    Optimum,
    action_worth,
    card_grid,
    first_worth,
    optimum,
)
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.memory.fsrs import AGAIN, EASY, first_difficulty, in_range

STEPS = 50  # of improvement, at most
Table = npt.NDArray[np.int8]


@kernel
def _evaluate(given: CardGrid, review: Floats, price: float, best: Table, value: Floats) -> None:
    """Fill `value [days + 1, points]` for the actions of a table, from no days left upwards."""
    for left in range(1, value.shape[0]):
        for point in range(value.shape[1]):
            value[left, point] = action_worth(given, review, price, value, left, point, best[left, point])


@kernel
def _occupy(given: CardGrid, best: Table, occupied: Floats) -> None:
    """Pass `occupied [days + 1, points]`, which holds the beginning, on to fewer days left."""
    grid = given.grid
    for left in range(occupied.shape[0] - 1, 0, -1):
        for point in range(occupied.shape[1]):
            a = best[left, point]
            days = grid.days[point, a]
            if occupied[left, point] == 0.0 or days > left:
                continue
            for grade in range(grid.chance.shape[2]):
                part = occupied[left, point] * grid.chance[point, a, grade]
                for place in range(CORNERS):
                    corner = grid.corner[point, a, grade, place]
                    occupied[left - days, corner] += part * grid.share[point, a, grade, place]


@kernel
def _weigh(
    given: CardGrid, review: Floats, price: float, value: Floats, occupied: Floats, out: Floats
) -> None:
    """Sum q G over the days left, `out [points, actions]`."""
    for left in range(1, value.shape[0]):
        for point in range(value.shape[1]):
            if occupied[left, point] > 0.0:
                for a in range(out.shape[1]):
                    worth = action_worth(given, review, price, value, left, point, a)
                    out[point, a] += occupied[left, point] * worth


def occupancy(card: Card, given: CardGrid, best: Table) -> Floats:
    """Expected visits `[days + 1, points]` of a new card after a review, under a table of actions."""
    costs, occupied = card.costs, np.zeros((card.days + 1, len(given.memory)))
    for grade in range(AGAIN, EASY + 1):
        corner, share = np.zeros(CORNERS, np.int64), np.zeros(CORNERS)
        cell(costs.weights[grade - 1], in_range(first_difficulty(grade, costs.weights)), corner, share)
        np.add.at(occupied[-1], corner, costs.first[grade - 1] * share)
    _occupy(given, best, occupied)
    return occupied


def worth_of(card: Card, price: float, given: CardGrid, best: Table) -> tuple[float, Floats]:
    """J of a table of actions, and its values `[days + 1, points]`."""
    value = np.zeros((card.days + 1, len(given.memory)))
    _evaluate(given, card.costs.review, float(price), best, value)
    return first_worth(card, price, value[-1]), value


def stationary(card: Card, price: float, grid: CardGrid | None = None) -> Optimum:
    """The stationary schedule of a price >= 0 (lambda); see `optimum`."""
    given = card_grid(card) if grid is None else grid
    finite = optimum(card, price, given).best
    policy = _most_frequent(occupancy(card, given, finite), finite, given.grid.days.shape[1])
    best = np.tile(policy, (card.days + 1, 1)).astype(np.int8)
    worth, value = worth_of(card, price, given, best)
    for _ in range(STEPS):
        occupied = occupancy(card, given, best)
        gains = np.zeros(given.grid.days.shape)
        _weigh(given, card.costs.review, float(price), value, occupied, gains)
        seen = occupied.sum(axis=0) > 0.0
        better = np.tile(np.where(seen, gains.argmax(axis=1), policy), (card.days + 1, 1)).astype(np.int8)
        found, after = worth_of(card, price, given, better)
        if found <= worth:
            break
        policy, best, worth, value = better[0].astype(np.int64), better, found, after
    return Optimum(card, float(price), worth, best)


def _most_frequent(occupied: Floats, best: Table, actions: int) -> Ints:
    """The action that a grid point takes most often; where none is reached, that of the longest horizon."""
    times = np.stack([(occupied * (best == a)).sum(axis=0) for a in range(actions)])
    return np.asarray(np.where(times.sum(axis=0) > 0.0, times.argmax(axis=0), best[-1]), np.int64)
