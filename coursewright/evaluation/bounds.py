"""Bounds: figures that the mean return of no policy can exceed, on learners of whom one can be proved.

With skills that do not touch each other, a belief is all that answers tell of a skill.  A tutor who may give
T items in expectation, instead of one at each of T steps, does no worse than others.  For such a tutor the
skills fall apart into problems with a price per practice (`agents/rules/one_skill.py`), and by weak duality

    mean return <= min over prices >= 0 of  sum over goal skills of V_T(P(L0)) / K + price T / K

for K goal skills: the Lagrangian bound of restless bandits (Whittle, J. Appl. Prob. 25A, 1988; Adelman &
Mersereau, Operations Research 56(3), 2008).  It holds for every policy that sees answers alone, even with the
true parameters.  With prerequisites it is none: practice of a skill then tells of others.

A tutor who is told the true state is bounded by the same sum with (1 - P(L0)) max(0, 1 - price / P(T)) for V.
That holds with prerequisites and forgetting too, which only slow learning down or undo it; it is loose.
"""

from collections.abc import Callable
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from coursewright.agents.conditions import entangled, unlike_any
from coursewright.agents.planners.known_sets import KnownSets, known_sets, optimum, unlike
from coursewright.agents.rules.one_skill import GRID, Skill, values
from coursewright.envs.task import RandomGoal, Task
from coursewright.simulators.arrays import Bools, Floats
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters

RESPONSES, TOLD, NONE = "responses", "full information", "none"
LAGRANGIAN = "Lagrangian bound: as many items as steps in expectation, instead of one at each step"
TRUE_STATE = "the same for a tutor who is told which skills are known"
OPTIMUM = "the optimum of a tutor who is told which skills are known, by value iteration"

MOST_GOALS = 20_000  # goals with a price of their own; of more, those of a size share one
PRICES = 257  # of many goals; a price that is not the best makes a bound larger, never wrong
MOST_VALUES = 1 << 20  # sets of known skills times goals that value iteration goes through


class Bound(NamedTuple):
    """A figure that no policy's mean return exceeds.

    Attributes
    ----------
    value : the figure; nan where none is known.
    kind : "responses" for policies that see answers alone, "full information" for any policy at all, which is
        loose for those that see answers alone, or "none".
    relaxation : the rule of the task that was relaxed, in words.
    note : the reason for no bound, or for none that is closer.
    """

    value: float
    kind: str
    relaxation: str = ""
    note: str = ""

    @property
    def known(self) -> bool:
        """True where there is a figure."""
        return self.kind != NONE


class Goals(NamedTuple):
    """The goals of a population: `size [goals]` in skills, and the `share [goals]` of the learners.

    `weight [goals, skills]` is that of the skill's gain in the return: 1 / K for a goal's K skills.
    """

    weight: Floats
    size: Floats
    share: Floats


def bound(task: Task) -> Bound:
    """The best bound that is known on the mean return of a task, over its whole population of learners."""
    learners, goals, steps = task.simulator, goals_of(task), int(task.budget)
    reason, loose, exact = unlike_any(task), "", unlike(task)
    if not exact and len(goals.size) << task.course.n_skills > MOST_VALUES:
        exact = "there are too many goals and sets of known skills"
    if isinstance(learners, Bkt) and not reason:
        tangle = entangled(learners)
        loose = f"{tangle}, so that the Lagrangian bound is none" if tangle else ""
        if not loose:
            value = lagrangian(learners.parameters, learners.parameters.prior[0], goals, steps)
            return Bound(value, RESPONSES, LAGRANGIAN)
        if exact:
            return Bound(full_information(learners.parameters, goals, steps), TOLD, TRUE_STATE, loose)
    if exact:
        return Bound(np.nan, NONE, note=exact)
    return Bound(_by_sets(known_sets(learners), goals, steps), TOLD, OPTIMUM, loose)


def goals_of(task: Task) -> Goals:
    """The goals that learners of a task can have, where nobody brings a goal along.

    Goals drawn at random are listed; where they are more than `MOST_GOALS`, the average goal of each size
    stands for them.
    """
    skills = task.course.n_skills
    if not isinstance(task.goal, RandomGoal):
        goal: Bools = np.ones(skills, bool) if task.fixed_goal is None else task.fixed_goal
        return Goals((goal / goal.sum())[None], np.array([float(goal.sum())]), np.ones(1))
    sizes = range(task.goal.low, task.goal.high + 1)
    if sum(comb(skills, size) for size in sizes) > MOST_GOALS:
        weight = np.full((len(sizes), skills), 1.0 / skills)
        return Goals(weight, np.array(sizes, np.float64), np.full(len(sizes), 1.0 / len(sizes)))
    rows = [list(chosen) for size in sizes for chosen in combinations(range(skills), size)]
    size = np.array([len(chosen) for chosen in rows], np.float64)
    weight = np.zeros((len(rows), skills))
    for row, chosen in zip(weight, rows, strict=True):
        row[chosen] = 1.0 / len(chosen)
    return Goals(weight, size, 1.0 / len(sizes) / np.array([comb(skills, int(k)) for k in size]))


def lagrangian(table: BktParameters, start: Floats, goals: Goals, steps: int) -> float:
    """The Lagrangian bound for learners of whom `start [skills]` is believed; `bound` checks its conditions.

    `start` is P(L0), or the belief after a past that tutors see.
    """
    beliefs = np.linspace(0.0, 1.0, GRID)
    columns = zip(table.learn[0].tolist(), table.guess[0].tolist(), table.slip[0].tolist(), strict=True)
    skills = [Skill(*column) for column in columns]

    def worth(prices: Floats) -> Floats:
        by_skill = {skill: values(skill, prices, steps) for skill in set(skills)}
        found = np.empty((len(prices), len(skills)))
        for k, skill in enumerate(skills):
            found[:, k] = [np.interp(start[k], beliefs, value) for value in by_skill[skill]]
        return found

    return _lowest(worth, float(table.learn.max()), goals, steps)


def full_information(table: BktParameters, goals: Goals, steps: int) -> float:
    """The loose bound, for tutors who are told the true state of each learner."""
    learn = table.learn[0]

    def worth(prices: Floats) -> Floats:
        left = np.divide(prices[:, None], learn, out=np.ones((len(prices), len(learn))), where=learn > 0.0)
        return np.asarray((1.0 - table.prior[0]) * np.maximum(0.0, 1.0 - left))

    return _lowest(worth, float(learn.max()), goals, steps)


def _lowest(worth: Callable[[Floats], Floats], top: float, goals: Goals, steps: int) -> float:
    """The bound at the best price for each goal; `worth` gives `[prices, skills]`, and 0 from `top` on.

    There is a bound at every price, so that the search may stop anywhere.
    """

    def total(prices: Floats) -> Floats:
        return np.asarray(worth(prices) @ goals.weight.T + prices[:, None] * steps / goals.size)

    if len(goals.size) > 1:
        return float(total(np.linspace(0.0, top, PRICES)).min(axis=0) @ goals.share)
    found = [float(total(np.zeros(1))[0, 0])]
    if top > 0.0:
        seek = minimize_scalar(
            lambda price: float(total(np.array([price]))[0, 0]),
            bounds=(0.0, top),
            method="bounded",
            options={"xatol": 1e-6 * top},
        )
        found.append(float(seek.fun))
    return min(found)


def _by_sets(sets: KnownSets, goals: Goals, steps: int) -> float:
    """The optimum of a tutor who is told which skills are known, by value iteration over all sets of them."""
    *_, value = optimum(sets, goals.weight, steps)
    return float(value @ sets.start @ goals.share)
