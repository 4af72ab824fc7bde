"""One FSRS item whose delays are chosen: value iteration over steps left, stability and difficulty.

A step reviews the item and then waits for the chosen delay d, for which the choice is made before the answer.
With S and D after a review and n steps to come, for a reward of recall after each step

    U_0(S, D, d) = R(d, S),
    U_n(S, D, d) = R(d, S) + max over d' of  sum over grades of P(grade | d, S) U_{n-1}(S', D', d')

and for a test so many days after the last step U_0 = R(d + days, S), with nothing before (Bellman, Dynamic
Programming, 1957).  The grid is that of `agents/fsrs_grid.py`: between its points values are linear.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar

import numpy as np

from coursewright.agents.fsrs_grid import CORNERS, Grid, cell, grid_of_days, stability_at
from coursewright.agents.rule import Nothing, Seen
from coursewright.envs.rewards import mean_recall, post_test
from coursewright.envs.schedule import Fixed
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import Luck
from coursewright.simulators.memory.fsrs import (
    AGAIN,
    EASY,
    FIRST,
    HARD,
    RIGHT,
    Constants,
    Fsrs,
    FsrsState,
    first_difficulty,
    in_range,
    memory_now,
    next_difficulty,
    next_stability,
    recall,
    whole_days,
)


def unlike_one_item(task: Task) -> str:
    """The condition of value iteration for one item that a task breaks; "" for none."""
    learners = task.simulator
    if type(learners) is not Fsrs or task.course.n_items > 1:
        return "it is not about one FSRS item"
    if len(learners.table) > 1 or learners.spread > 0.0:
        return "each learner has parameters of their own"
    if not isinstance(task.schedule, Fixed):
        return "the days between steps are not fixed"
    if task.price is not None:
        return "minutes are charged for (task.price)"
    if task.steps is None:
        return "the budget is minutes, not steps"
    if _paid(task)[0] not in (mean_recall, post_test):
        return "the reward is neither mean_recall nor post_test"
    return ""


def _paid(task: Task) -> tuple[object, float]:
    """The function behind the reward, and the days from the end to the test."""
    reward = task.reward
    if not isinstance(reward, partial):
        return reward, 0.0
    return (None if reward.args else reward.func), float(reward.keywords.get("days", 0.0))


@kernel
def _iterate(grid: Grid, recalled: Floats, value: Floats) -> None:
    """Fill U `[steps, delays, points]` from U_0; `recalled [delays, points]` is the reward of a step."""
    delays, points = value.shape[1:]
    for n in range(1, value.shape[0]):
        for d in range(delays):
            for point in range(points):
                best = -np.inf
                for then in range(delays):
                    worth = 0.0
                    for grade in range(EASY):
                        after = 0.0
                        for place in range(CORNERS):
                            corner = grid.corner[point, d, grade, place]
                            after += grid.share[point, d, grade, place] * value[n - 1, then, corner]
                        worth += grid.chance[point, d, grade] * after
                    best = max(best, worth)
                value[n, d, point] = recalled[d, point] + best


@kernel
def _recall_on_grid(days: Ints, w: Floats, same_day: float, out: Floats) -> None:
    """P(correct) `[delays, points]` so many days after a review."""
    for d in range(out.shape[0]):
        for point in range(out.shape[1]):
            out[d, point] = recall(days[d], stability_at(point), w) if days[d] >= 1 else same_day


@kernel
def _worths(
    state: FsrsState,
    constants: Constants,
    shares: Floats,
    left: Ints,
    value: Floats,
    rooms: tuple[Ints, Floats],
    out: Floats,
) -> None:
    """Expected U `[batch, delays]` after the review that comes now; `shares [2, 3]` of Hard, Good, Easy."""
    corner, share = rooms
    for i in range(out.shape[0]):
        w, known, hard = state.weights[i], state.stability[i, 0], state.difficulty[i, 0]
        memory, new = memory_now(state, constants, i, 0), known <= 0.0
        for d in range(out.shape[1]):
            out[i, d] = 0.0
        for grade in range(AGAIN, EASY + 1):
            chance = 1.0 - memory.p if grade == AGAIN else memory.p * shares[0 if new else 1, grade - HARD]
            if new:
                cell(w[grade - 1], in_range(first_difficulty(grade, w)), corner, share)
            else:
                after = next_stability(known, hard, memory.days, memory.recalled, grade, w)
                cell(after, next_difficulty(hard, grade, w), corner, share)
            for d in range(out.shape[1]):
                for place in range(CORNERS):
                    out[i, d] += chance * share[place] * value[left[i] - 1, d, corner[place]]


@dataclass(frozen=True, eq=False)
class OneItemRule:
    """The delay with the highest value; of equals, the one listed first."""

    task: Task
    needs: ClassVar[tuple[str, ...]] = ()

    @property
    def learners(self) -> Fsrs:
        """The learners, all alike."""
        assert isinstance(self.task.simulator, Fsrs)
        return self.task.simulator

    @cached_property
    def values(self) -> Floats:
        """U `[steps, delays, points]`."""
        learners, (paid, later) = self.learners, _paid(self.task)
        pause = self.task.schedule.longest
        waits = [whole_days(pause + delay) for delay in self.task.delays or (0.0,)]
        tests = [whole_days(pause + delay + later) for delay in self.task.delays or (0.0,)]
        days, w, same_day = np.array(waits, np.int64), learners.table[0], float(learners.same_day)
        grid = grid_of_days(w, np.array(learners.right_grades, np.float64), days, same_day)
        value = np.empty((self.task.horizon, len(days), len(grid.days)))
        recalled, last = np.zeros(value.shape[1:]), np.zeros(value.shape[1:])
        if paid is mean_recall:
            _recall_on_grid(days, w, 1.0, recalled)
            last[:] = recalled
        else:
            _recall_on_grid(np.array(tests, np.int64), w, same_day, last)
        value[0] = last
        _iterate(grid, recalled, value)
        return value

    @cached_property
    def _shares(self) -> Floats:
        """Shares of Hard, Good and Easy among right answers, `[2, 3]`: first meetings and later ones."""
        learners = self.learners
        right = max(float(learners.shares[FIRST, RIGHT]), 1e-300)
        return np.array([np.array(learners.first_grades[1:]) / right, learners.right_grades])

    def worth(self, state: FsrsState, left: Ints) -> Floats:
        """The expected return to come `[batch, delays]` of each delay now, with `left [batch]` steps left."""
        out = np.empty((len(left), self.values.shape[1]))
        rooms = np.zeros(CORNERS, np.int64), np.zeros(CORNERS)
        _worths(state, self.learners.constants, self._shares, left, self.values, rooms, out)
        return out

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Actions `[batch]`."""
        left = np.maximum(self.task.horizon - seen.episodes.luck.step, 1)
        worth = self.worth(seen.episodes.state, left)
        return np.where(seen.actions, worth, -np.inf).argmax(axis=1), memory
