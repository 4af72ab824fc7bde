"""Expected gain: the item from which the goal is expected to profit most at once, by the tutor's belief."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from coursewright.agents.choosing import item_belief, lowest
from coursewright.agents.rule import Nothing, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.kernel import kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import Luck

ALIKE = 1e-7  # gains that differ by less are equal: float32 knows no better


@kernel
def most_worth(
    alone: Floats, gain: Floats, goal: Observation, toward: Bools, needed: Lists, allowed: Bools, out: Ints
) -> None:
    """Write the allowed item of most worth into `out [batch]`; of equals, the one listed first.

    An item that needs one goal skill is worth `alone [batch, skills]`, any other the `gain [batch, skills]`
    of its goal skills.  If that is 0 everywhere, a second pass counts the gain in skills that lead to them.
    """
    for i in range(out.shape[0]):
        best, surest = 0.0, 0.0
        out[i] = -1
        for indirect in range(2):
            if best > 0.0:
                break
            for a in range(allowed.shape[1]):
                if not allowed[i, a]:
                    continue
                if out[i] < 0:
                    out[i] = a
                begin, end = needed.start[a], needed.start[a + 1]
                soon = 0.0
                for j in range(begin, end):
                    k = needed.values[j]
                    if goal[i, k] > 0.0 or (indirect == 1 and toward[i, k]):
                        soon += gain[i, k]
                one = indirect == 0 and end - begin == 1 and soon > 0.0
                worth = alone[i, needed.values[begin]] if one else soon
                if worth > best or (worth == best and soon > surest):
                    best, surest = worth, soon
                    out[i] = a
        out[i] = max(out[i], 0)


@dataclass(frozen=True, eq=False)
class ExpectedGainRule:
    """argmax over the allowed items of the sum, over the item's goal skills, of (1 - belief) P(T).

    Attributes
    ----------
    learn : the tutor's P(T) `[skills]`.
    """

    learn: Floats
    needs: ClassVar[tuple[str, ...]] = ("belief", "goal")

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        item = np.empty(len(seen), np.int64)
        gain = (1.0 - seen["belief"].astype(np.float64)) * self.learn
        most_worth(gain, gain, seen["goal"], seen.toward, seen.course.needed, seen.allowed, item)
        return item, memory


class BelievedGainRule:
    """argmax over the open items of the feature `gain`.

    Of equals, and where nothing promises any gain, the item whose skills are believed mastered least.
    """

    needs: ClassVar[tuple[str, ...]] = ("gain", "expected_mastery", "goal")

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        gain = np.where(seen.open, seen["gain"], -np.inf)
        best = gain.max(axis=1, keepdims=True)
        among = seen.open & ((gain >= best - ALIKE) | (best <= ALIKE))
        return lowest(item_belief(seen["expected_mastery"], seen.course.needed), among), memory


@dataclass(frozen=True)
class ExpectedGain:
    """The allowed item with the highest expected gain in goal mastery, one step ahead.

    Where the task has a mind, the mind expects (`BelievedGainRule`).  Otherwise the tutor does: for BKT the
    gain is the sum, over the item's goal skills, of (1 - belief) P(T), with the tutor's own parameters.  Of
    equals, the item listed first is taken.  Where no allowed item promises anything (all goal skills are
    locked, or believed known beyond doubt), skills that lead to a goal skill count like goal skills; where
    that promises nothing either, the first allowed item is taken.
    """

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task has no tutor, or lacks `belief` or `goal`."""
        if task.mind is not None:
            return RulePolicy("expected_gain", task.showing("gain", "expected_mastery"), BelievedGainRule())
        if task.tutor is None:
            raise reject("task.tutor", None, "BKT parameters, because expected gain is computed from them")
        return RulePolicy("expected_gain", task, ExpectedGainRule(np.ascontiguousarray(task.tutor.learn[0])))
