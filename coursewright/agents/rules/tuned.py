"""The better of the two mastery rules, each with its settings chosen on tuning learners."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from coursewright.agents.rule import RulePolicy
from coursewright.agents.rules.in_order import Fallback, ItemRule, Order
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import LEARNERS, SCREENED_ON, Tuning, check_learners, halved
from coursewright.envs.task import Task

STREAKS = (1, 2, 3, 4, 5, 6)
THRESHOLDS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
ORDERS: tuple[Order, ...] = ("topological", "lowest_prior", "highest_learn")
FALLBACKS: tuple[Fallback, ...] = ("uniform", "lowest_belief", "round_robin")
MOST_SETTINGS = 60  # a family of rules

Candidate = tuple[str, RulePolicy]


def _candidate(task: Task, setting: str, agent: NInARow | MasteryThreshold) -> Candidate:
    return setting, RulePolicy("tuned_mastery", task, agent.rule(task))


def _streaks(task: Task) -> list[Candidate]:
    """Every n, order and fallback: 54 settings."""
    return [
        _candidate(task, f"n={n}, {order}, {fallback}", NInARow(n, order, fallback))
        for n in STREAKS
        for order in ORDERS
        for fallback in FALLBACKS
    ]


def _thresholds(task: Task, fallbacks: Sequence[Fallback]) -> list[Candidate]:
    """Every threshold and order, which differ only where a rule goes by skill, with these fallbacks."""
    by_item = isinstance(MasteryThreshold().rule(task), ItemRule)
    return [
        _candidate(
            task, f"threshold={level:g}, {order}, {fallback}", MasteryThreshold(level, order, fallback)
        )
        for level in THRESHOLDS
        for order in (ORDERS[:1] if by_item else ORDERS)
        for fallback in fallbacks
    ]


def _within_budget(task: Task, tuning: Tuning, learners: int) -> list[Candidate]:
    """At most 60 thresholds, orders and fallbacks of the 72.

    All 24 thresholds and orders meet the first learners with the uniform fallback; the best 18 of
    them are then given the two other fallbacks as well.
    """
    first = _thresholds(task, FALLBACKS[:1])
    others = _thresholds(task, FALLBACKS[1:])
    room = (MOST_SETTINGS - len(first)) // (len(FALLBACKS) - 1)
    kept = {first[place][0].rpartition(",")[0] for place in tuning.best(first, learners, room)}
    return first + [(name, policy) for name, policy in others if name.rpartition(",")[0] in kept]


@dataclass(frozen=True)
class TunedMastery:
    """The better of n-in-a-row and the belief threshold, each tuned over at most 60 settings.

    n 1 to 6, or one of eight thresholds; three orders; three fallbacks.  This makes 54 settings for
    the first family and 72 for the second, of which 60 are tried (see `_within_budget`).  In each
    family the first 500 tuning learners screen the settings, the best 12 meet all `learners`, and
    the best of those competes.  Nothing depends on the seed.
    """

    learners: int = LEARNERS

    def __post_init__(self) -> None:
        check_learners(self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy, with its tuned settings in `policy.tuned`.

        Raises `InputError` where the task lacks `streak`, `belief` or `goal`, or has no tutor.
        """
        tuning = Tuning(task, tracker)
        winners = [halved(tuning, _streaks(task), self.learners)]
        thresholds = _within_budget(task, tuning, min(SCREENED_ON, self.learners))
        winners.append(halved(tuning, thresholds, self.learners))
        scores = [tuning.trial(name, self.learners).score for name, _ in winners]
        setting, policy = winners[int(np.argmax(scores))]
        return replace(policy, tuned=tuning.tuned(setting, self.learners))
