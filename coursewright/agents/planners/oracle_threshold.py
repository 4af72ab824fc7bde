"""deeptutor's threshold rule: practise the item whose recall, read off the learner, is nearest a target.

argmin_i |p_i - r| (Reddy, Levine & Dragan 2017).  `schedulers/informed_threshold.py` infers the recall.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from coursewright.agents.choosing import item_recall, lowest
from coursewright.agents.rule import Nothing, OraclePolicy, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import CHANCES, Tuning, check_learners, check_tuned_chance, tuned_option
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Ints
from coursewright.simulators.luck import Luck


@dataclass(frozen=True)
class OracleThresholdRule:
    """argmin over the allowed items of |p - recall|, p the learner's true P(correct)."""

    recall: float
    needs: ClassVar[tuple[str, ...]] = ()

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        p = item_recall(seen.task.simulator, seen.episodes.state, len(seen))
        return lowest(np.abs(p - self.recall), seen.allowed), memory


@dataclass(frozen=True)
class OracleThreshold:
    """Practise the allowed item whose true P(correct) is nearest `recall`.

    Of equals, the item listed first; the goal plays no part.  Without `recall`, the best of 20 targets from
    0 (always the weakest item) to .95 on `learners` tuning learners is taken.  It looks no step ahead, so
    it is no bound.

    Raises `InputError` for a target that is no probability.
    """

    recall: float | None = None
    learners: int = 200

    def __post_init__(self) -> None:
        check_tuned_chance("recall", self.recall)
        check_learners(self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> OraclePolicy:
        """The policy."""

        def make(recall: float) -> RulePolicy:
            return RulePolicy("oracle_threshold", task, OracleThresholdRule(recall))

        if self.recall is not None:
            return OraclePolicy(make(self.recall))
        best, tuned = tuned_option(
            "recall", CHANCES, lambda recall: OraclePolicy(make(recall)), Tuning(task, tracker), self.learners
        )
        return OraclePolicy(replace(make(best), tuned=tuned))
