"""SSP-MMC over FSRS: intervals with the fewest expected seconds until an item's stability reaches a goal.

Ye, Su & Cao, "A stochastic shortest path algorithm for optimizing spaced repetition scheduling", KDD 2022,
with the states of FSRS (S, D) instead of those of DHP, as in open-spaced-repetition/SSP-MMC-FSRS:

    V(S, D) = min over intervals of  sum over grades of P(grade) (seconds of the grade + V(S', D'))

and V = 0 where S is at the goal or beyond.  An item that has reached it is due no more.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from coursewright.agents.fsrs_grid import (
    CORNERS,
    DIFFICULTIES,
    LONGEST,
    REVIEW_SECONDS,
    SHORTEST,
    STABILITIES,
    Grid,
    cell,
    grid_of,
    nearest,
    stability_at,
)
from coursewright.agents.options import between, switches
from coursewright.agents.rule import RulePolicy
from coursewright.agents.schedulers.by_memory import RecallPlan, check_order, fsrs_memory, recall_policy
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.memory.answered import Memory
from coursewright.simulators.memory.fsrs import Fsrs

RETENTIONS = tuple(round(0.3 + 0.02 * step, 2) for step in range(35))  # .30 to .98
SETTLED = 1e-3  # seconds by which no value moves any more
SWEEPS = 100_000


@kernel
def _sweep(grid: Grid, seconds: Floats, goal: float, value: Floats, best: Ints) -> float:
    """One sweep in place, from the highest stability down; the largest change of a value."""
    moved = 0.0
    for point in range(value.shape[0] - 1, -1, -1):
        if stability_at(point) >= goal:
            continue
        least = np.inf
        for a in range(grid.days.shape[1]):
            worth = 0.0
            for grade in range(seconds.shape[0]):
                after = seconds[grade]
                for place in range(CORNERS):
                    after += grid.share[point, a, grade, place] * value[grid.corner[point, a, grade, place]]
                worth += grid.chance[point, a, grade] * after
            if worth < least:
                least = worth
                best[point] = a
        moved = max(moved, abs(least - value[point]))
        value[point] = least
    return moved


@dataclass(frozen=True, eq=False)
class ShortestPath:
    """The best action of every state, by value iteration.

    Attributes
    ----------
    model : FSRS; its shares of grades are those that are expected.
    goal : the stability in days at which an item is done.
    actions : the desired retentions that are weighed.
    """

    model: Fsrs
    goal: float
    actions: tuple[float, ...] = RETENTIONS

    @cached_property
    def table(self) -> tuple[Floats, Ints]:
        """Expected seconds until the goal, and the best action, `[points]` each."""
        right = np.array(self.model.right_grades, np.float64)
        grid = grid_of(self.model.table[0], right, self.actions)
        points = STABILITIES * DIFFICULTIES
        value, best = np.zeros(points), np.zeros(points, np.int64)
        for _ in range(SWEEPS):
            if _sweep(grid, np.array(REVIEW_SECONDS), self.goal, value, best) < SETTLED:
                break
        return value, best

    def expected(self, stability: Floats, difficulty: Floats) -> Floats:
        """Expected seconds until the goal `[batch]`, between grid points."""
        out = np.empty(len(stability))
        corner, share = np.zeros(CORNERS, np.int64), np.zeros(CORNERS)
        _between(stability, difficulty, self.table[0], corner, share, out)
        return out

    def retentions(self, stability: Floats, difficulty: Floats) -> Floats:
        """The best desired retention `[batch]`; 0 of an item that is done."""
        out = np.empty(len(stability))
        _choose(stability, difficulty, self.goal, self.table[1], np.array(self.actions), out)
        return out


@kernel
def _between(
    stability: Floats, difficulty: Floats, value: Floats, corner: Ints, share: Floats, out: Floats
) -> None:
    for i in range(out.shape[0]):
        cell(stability[i], difficulty[i], corner, share)
        out[i] = 0.0
        for place in range(CORNERS):
            out[i] += share[place] * value[corner[place]]


@kernel
def _choose(
    stability: Floats, difficulty: Floats, goal: float, best: Ints, retentions: Floats, out: Floats
) -> None:
    for i in range(out.shape[0]):
        done = stability[i] >= goal
        out[i] = 0.0 if done else retentions[best[nearest(stability[i], max(difficulty[i], 1.0))]]


@dataclass(frozen=True, eq=False)
class ByShortestPath:
    """The retention of an item by the shortest path from its S and D."""

    path: ShortestPath

    def __call__(self, memory: Memory, learners: Any, item: Ints) -> Floats:
        """See `Aim`."""
        rows = np.arange(len(item))
        return self.path.retentions(learners.stability[rows, item], learners.difficulty[rows, item])


@dataclass(frozen=True)
class SspMmc:
    """The fewest expected seconds until the stability of every item is `goal` days.

    `order` is that of `FsrsRetention`.  Raises `InputError` for a goal beyond the grid.
    """

    goal: float = 365.0
    new_first: bool = True
    order: str = "day"

    def __post_init__(self) -> None:
        between(SHORTEST, LONGEST, goal=self.goal)
        switches(new_first=self.new_first)
        check_order(self.order)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` for a tutor that thinks by another model than FSRS."""
        memory = fsrs_memory("ssp_mmc", task)
        plan = RecallPlan(memory, ByShortestPath(ShortestPath(memory.model, float(self.goal))))
        return recall_policy("ssp_mmc", task, plan, self.new_first, self.order)
