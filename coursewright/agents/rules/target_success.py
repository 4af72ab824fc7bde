"""Rules by the chance of a right answer: fitting difficulty, a recall threshold, adaptive testing."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from coursewright.agents.choosing import lowest
from coursewright.agents.rule import Nothing, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import (
    CHANCES,
    Tuning,
    check_learners,
    check_tuned_chance,
    tuned_option,
)
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.knowledge.bkt import p_items
from coursewright.simulators.luck import Luck

MOST_INFORMATIVE = 0.5


@dataclass(frozen=True)
class NearestChanceRule:
    """argmin over the open items of |P(correct) - target|; of equals, the item listed first.

    P(correct) is the mind's where the task has one, and otherwise that of the tutor's table.
    """

    target: float
    by_mind: bool

    @property
    def needs(self) -> tuple[str, ...]:
        """The features that it reads."""
        return ("goal", "chance" if self.by_mind else "belief")

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        return lowest(np.abs(self._chance(seen) - self.target), seen.open), memory

    def _chance(self, seen: Seen) -> Floats:
        if self.by_mind:
            return np.asarray(seen["chance"], np.float64)
        assert seen.task.tutor is not None
        return p_items(seen["belief"], seen.task.tutor, seen.course)


def _policy(name: str, task: Task, target: float) -> RulePolicy:
    """The policy, on the task as it shows what the rule reads."""
    by_mind = task.mind is not None
    if not by_mind and task.tutor is None:
        raise reject("task.tutor", None, f"BKT parameters or a model, because {name} goes by P(correct)")
    shown = task.showing("chance" if by_mind else "belief")
    return RulePolicy(name, shown, NearestChanceRule(target, by_mind))


@dataclass(frozen=True)
class TargetSuccess:
    """Practise the item whose chance of a right answer is nearest `target`.

    In knowledge tasks this keeps difficulty where success has a set rate; in memory tasks it is the threshold
    rule (Reddy, Levine & Dragan 2017) for a tutor that has to infer recall.  Without `target`, the best of
    20 from 0 (always the hardest or the weakest item) to .95 on `learners` tuning learners is taken: a
    target of .7 is folklore.

    Raises `InputError` for a target that is no probability.
    """

    target: float | None = None
    learners: int = 200

    def __post_init__(self) -> None:
        check_tuned_chance("target", self.target)
        check_learners(self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task has neither a mind nor a tutor, or lacks `goal`."""
        make = partial(_policy, "target_success", task)
        if self.target is not None:
            return make(self.target)
        best, tuned = tuned_option("target", CHANCES, make, Tuning(task, tracker), self.learners)
        return replace(make(best), tuned=tuned)


@dataclass(frozen=True)
class AdaptiveTesting:
    """The item whose answer tells most of the learner; it measures, and does not teach: a control.

    The Fisher information of an answer about ability is p (1 - p) in log odds (Rasch 1960; Lord 1980), so
    that the item nearest to P(correct) = .5 is asked.
    """

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task has neither a mind nor a tutor, or lacks `goal`."""
        return _policy("adaptive_testing", task, MOST_INFORMATIVE)
