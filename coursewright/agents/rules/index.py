"""Index: the goal skill whose practice would still be worth the highest price, by the tutor's belief."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from coursewright.agents.conditions import no_index
from coursewright.agents.rule import Nothing, RulePolicy, Seen
from coursewright.agents.rules.expected_gain import most_worth
from coursewright.agents.rules.one_skill import Skill, indices
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints, Observation
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import Luck

FARTHEST = 100  # practices of a skill that an index looks ahead, at most


@kernel
def _look_up(belief: Observation, table: Floats, out: Floats) -> None:
    """Between two beliefs of the `table [skills, grid]` the index is read off a straight line."""
    last = table.shape[1] - 1
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            at = float(belief[i, k]) * last
            place = min(int(at), last - 1)
            out[i, k] = table[k, place] + (at - place) * (table[k, place + 1] - table[k, place])


@dataclass(frozen=True, eq=False)
class IndexRule:
    """argmax over the allowed items of the index of the item's skill, at the tutor's belief.

    Attributes
    ----------
    learn : the tutor's P(T) `[skills]`.
    table : the index by skill and belief, `[skills, grid]`; see `one_skill.indices`.
    """

    learn: Floats
    table: Floats
    needs: ClassVar[tuple[str, ...]] = ("belief", "goal")

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        item = np.empty(len(seen), np.int64)
        index = np.empty((len(seen), seen.course.n_skills))
        _look_up(seen["belief"], self.table, index)
        gain = (1.0 - seen["belief"].astype(np.float64)) * self.learn
        most_worth(index, gain, seen["goal"], seen.toward, seen.course.needed, seen.allowed, item)
        return item, memory


@dataclass(frozen=True)
class Index:
    """The allowed item whose goal skill has the highest index (Gittins 1979; Whittle 1988).

    The index of a skill is the highest price per practice at which going on with it is still worth it, at the
    tutor's belief and by the tutor's own BKT parameters.  It looks as far ahead as the task's budget reaches,
    at every step (100 practices of a skill at most); on tuning learners an index with the steps that are left
    did no better.  Of equals, the item with the higher expected gain is taken, then the one listed first.

    An item that needs several skills has no index and counts with its expected gain.  Where no allowed item
    promises anything, `expected_gain` has the rule: skills that lead to a goal skill count like goal skills.
    Learners who forget, prerequisites and the minutes of an item play no part in an index.  Where its
    conditions do not hold (`conditions.no_index`), it is a heuristic, and `policy.caveat` says so.
    """

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task has no tutor, or lacks `belief` or `goal`."""
        if task.tutor is None:
            raise reject("task.tutor", None, "BKT parameters, because the index is computed from them")
        learn, guess, slip = task.tutor.learn[0], task.tutor.guess[0], task.tutor.slip[0]
        times = min(task.horizon, FARTHEST)
        skills = map(Skill, learn.tolist(), guess.tolist(), slip.tolist())
        table = np.stack([indices(skill, times) for skill in skills])
        reason = no_index(task)
        caveat = f"a heuristic on this task ({reason})" if reason else ""
        return RulePolicy("index", task, IndexRule(np.ascontiguousarray(learn), table), caveat=caveat)
