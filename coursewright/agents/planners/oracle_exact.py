"""The exact oracle, where the state is a small set of known skills or one FSRS item: nobody can do better."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from coursewright.agents.kept import PASSING
from coursewright.agents.planners.known_sets import MOST_SKILLS, KnownSets, known_sets, optimum, unlike
from coursewright.agents.planners.one_item import OneItemRule, unlike_one_item
from coursewright.agents.rule import Nothing, OraclePolicy, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.luck import Luck
from coursewright.simulators.memory.fsrs import Fsrs

KNOWN_FROM = 0.5  # mastery is 0 or 1
KEPT_GOALS = 64  # goals whose values are kept; those of others are found anew


@dataclass(frozen=True, eq=False)
class ExactRule:
    """The allowed item with the highest value by value iteration; of equals, the one listed first."""

    task: Task
    needs: ClassVar[tuple[str, ...]] = ()
    _kept: dict[bytes, Floats] = field(default_factory=dict, metadata=PASSING)

    @cached_property
    def sets(self) -> KnownSets:
        """The sets of skills that the task's learners can know."""
        return known_sets(self.task.simulator)

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        episodes, course = seen.episodes, self.task.course
        known = episodes.after >= KNOWN_FROM
        place = known @ (1 << np.arange(course.n_skills))
        left = np.maximum(self.task.horizon - episodes.luck.step, 1)
        worth = np.empty(known.shape)
        goals, of = np.unique(episodes.goal, axis=0, return_inverse=True)
        for number, goal in enumerate(goals):
            rows = np.flatnonzero(of.ravel() == number)
            worth[rows] = self._worth(goal, place[rows], left[rows])
        skill = course.needs.values[course.needs.start[:-1]]
        return np.where(seen.allowed, worth[:, skill], -np.inf).argmax(axis=1), memory

    def _worth(self, goal: Bools, place: Ints, left: Ints) -> Floats:
        """The expected gain `[rows, skills]` of practising each skill now, and well from then on."""
        value, out = self._values(goal), np.empty((len(place), len(goal)))
        for k, chance in enumerate(self.sets.chance):
            learned = goal[k] / goal.sum() + value[left - 1, place | 1 << k]
            out[:, k] = chance[place] * (learned - value[left - 1, place])
        return out

    def _values(self, goal: Bools) -> Floats:
        """V `[steps + 1, sets]` for one goal."""
        key = goal.tobytes()
        if key not in self._kept:
            if len(self._kept) == KEPT_GOALS:
                self._kept.clear()
            weight = (goal / goal.sum())[None]
            self._kept[key] = np.concatenate(list(optimum(self.sets, weight, self.task.horizon)))
        return self._kept[key]


@dataclass(frozen=True)
class OracleExact:
    """The optimum of a tutor who is told which skills are known, by value iteration over all sets of them.

    For Bkt, KT6kc and KnowledgeSpace learners with at most twelve skills and the same parameters, who do
    not forget; the reward is the gain in mean mastery.

    For one item of Fsrs learners it is that of a tutor who is told stability and difficulty, and chooses
    delays for recall after each step or for a test at the end.  Values lie on the grid of FSRS, within .002
    of the tree of all answers on short tasks.
    """

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> OraclePolicy:
        """The policy.  Raises `InputError` for any other task."""
        one = type(task.simulator) is Fsrs
        reason = unlike_one_item(task) if one else unlike(task)
        if not reason and task.unlock_after:
            reason = "answers unlock items"
        if reason:
            suits = f"tasks whose state is a set of at most {MOST_SKILLS} known skills, or one FSRS item"
            raise InputError(f"task: {reason}; oracle_exact is for {suits}")
        rule = OneItemRule(task) if one else ExactRule(task)
        return OraclePolicy(RulePolicy("oracle_exact", task, rule))
