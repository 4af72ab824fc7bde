"""Stability and difficulty of FSRS on a grid, for value iteration: states after every action and grade.

The grid is ln S from .01 to 36,500 days by D from 1 to 10; a state in between counts as the four corners of
its cell, by their shares.  Actions are desired retentions, each the ordinary FSRS interval for it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.memory.fsrs import (
    AGAIN,
    EASY,
    HARD,
    interval,
    next_difficulty,
    next_stability,
    recall,
)

SHORTEST, LONGEST = 0.01, 36_500.0  # stability on the grid, in days
STABILITIES, DIFFICULTIES = 64, 32  # grid points
CORNERS = 4
# Seconds that Again ... Easy take, at the first meeting and at a review (srs-simulator)
LEARNING_SECONDS = (33.79, 24.30, 13.68, 6.50)
REVIEW_SECONDS = (23.00, 11.68, 7.33, 5.60)


class Grid(NamedTuple):
    """All that does not depend on costs, for grid point x and action a.

    `days [points, actions]` is the interval, `chance [points, actions, 4]` that of each grade, `corner` and
    `share [points, actions, 4, 4]` the grid points around the state after each grade and their weights.
    """

    days: Ints
    chance: Floats
    corner: Ints
    share: Floats


@inlined
def stability_at(point: int) -> float:
    """S of a grid point."""
    step = np.log(LONGEST / SHORTEST) / (STABILITIES - 1)
    return float(SHORTEST * np.exp(step * (point // DIFFICULTIES)))


@inlined
def difficulty_at(point: int) -> float:
    """D of a grid point."""
    return 1.0 + 9.0 * (point % DIFFICULTIES) / (DIFFICULTIES - 1)


@inlined
def cell(stability: float, difficulty: float, corner: Ints, share: Floats) -> None:
    """The four grid points around a state and their weights, `[4]` each."""
    x = np.log(min(max(stability, SHORTEST), LONGEST) / SHORTEST) / np.log(LONGEST / SHORTEST)
    x, y = x * (STABILITIES - 1), (difficulty - 1.0) / 9.0 * (DIFFICULTIES - 1)
    i, j = min(int(x), STABILITIES - 2), min(max(int(y), 0), DIFFICULTIES - 2)
    for place in range(CORNERS):
        up, right = place // 2, place % 2
        corner[place] = (i + up) * DIFFICULTIES + j + right
        share[place] = (x - i if up else 1.0 - x + i) * (y - j if right else 1.0 - y + j)


@inlined
def nearest(stability: float, difficulty: float) -> int:
    """The grid point nearest to a state."""
    x = np.log(min(max(stability, SHORTEST), LONGEST) / SHORTEST) / np.log(LONGEST / SHORTEST)
    row = int(np.rint(x * (STABILITIES - 1)))
    return row * DIFFICULTIES + int(np.rint((difficulty - 1.0) / 9.0 * (DIFFICULTIES - 1)))


@kernel
def _intervals(w: Floats, retentions: Floats, days: Ints) -> None:
    for point in range(days.shape[0]):
        for a in range(retentions.shape[0]):
            days[point, a] = int(interval(stability_at(point), retentions[a], w))


@kernel
def _fill(w: Floats, right: Floats, same_day: float, grid: Grid) -> None:
    for point in range(grid.days.shape[0]):
        stability, difficulty = stability_at(point), difficulty_at(point)
        for a in range(grid.days.shape[1]):
            days = grid.days[point, a]
            recalled = recall(days, stability, w)
            p = recalled if days >= 1 else same_day
            for grade in range(AGAIN, EASY + 1):
                grid.chance[point, a, grade - 1] = p * right[grade - HARD] if grade > AGAIN else 1.0 - p
                after = next_stability(stability, difficulty, days, recalled, grade, w)
                harder = next_difficulty(difficulty, grade, w)
                cell(after, harder, grid.corner[point, a, grade - 1], grid.share[point, a, grade - 1])


def _empty(actions: int) -> Grid:
    points = STABILITIES * DIFFICULTIES
    return Grid(
        np.zeros((points, actions), np.int64),
        np.zeros((points, actions, EASY)),
        np.zeros((points, actions, EASY, CORNERS), np.int64),
        np.zeros((points, actions, EASY, CORNERS)),
    )


def grid_of(weights: Floats, right: Floats, retentions: Sequence[float]) -> Grid:
    """The grid of FSRS with w0..w20, the shares of Hard, Good and Easy in `right [3]`, and these actions."""
    grid = _empty(len(retentions))
    _intervals(weights, np.array(retentions, np.float64), grid.days)
    _fill(weights, right, 1.0, grid)
    return grid


def grid_of_days(weights: Floats, right: Floats, days: Ints, same_day: float = 1.0) -> Grid:
    """The same with whole `days [actions]` for actions; `same_day` is P(correct) on the day of a review."""
    grid = _empty(len(days))
    grid.days[:] = days
    _fill(weights, right, same_day, grid)
    return grid
