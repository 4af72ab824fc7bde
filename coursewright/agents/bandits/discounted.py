"""Discounted UCB: an upper bound in which a pull counts less with every later one.

Garivier & Moulines, "On upper-confidence bound policies for switching bandit problems", ALT 2011.  With
N(k) the sum of gamma^(t - s) over the pulls s of arm k, and the mean weighted alike:

    mean of the arm + 2 B sqrt(xi ln(sum of all N) / N(k))

with rewards in [0, B].  Here c = 2 B sqrt(xi); for progress, which lies in [-1, 1], B = 2, and their
xi = .6 gives c = 3.1.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.agents.bandits.arms import Arms, BanditRule
from coursewright.agents.bandits.bonus import check_bonus, with_bonus
from coursewright.agents.options import shares
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import LEARNERS
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import kernel


class Faded(NamedTuple):
    """Discounted numbers of `pulls [batch, skills]` and sums of rewards, shaped alike."""

    pulls: Floats
    total: Floats


@kernel
def _fade(arm: Ints, reward: Floats, gamma: float, kept: Faded) -> None:
    for i in range(arm.shape[0]):
        if arm[i] >= 0 and not np.isnan(reward[i]):
            for k in range(kept.pulls.shape[1]):
                kept.pulls[i, k] *= gamma
                kept.total[i, k] *= gamma
            kept.pulls[i, arm[i]] += 1.0
            kept.total[i, arm[i]] += reward[i]


@kernel
def _bound(pulls: Ints, kept: Faded, c: float, out: Floats) -> None:
    for i in range(out.shape[0]):
        total = 0.0
        for k in range(out.shape[1]):
            total += kept.pulls[i, k]
        for k in range(out.shape[1]):
            out[i, k] = np.inf
            own = kept.pulls[i, k]
            if pulls[i, k] > 0 and own > 0.0:
                out[i, k] = kept.total[i, k] / own + c * np.sqrt(max(np.log(total), 0.0) / own)


@dataclass(frozen=True)
class Fading:
    """Evidence of which each pull keeps the share `gamma` of all that was there before."""

    gamma: float

    def begin(self, batch: int, skills: int) -> Faded:
        """No pull yet."""
        return Faded(np.zeros((batch, skills)), np.zeros((batch, skills)))

    def learn(self, own: Faded, arm: Ints, reward: Floats) -> None:
        """All fades, and the newest pull counts 1."""
        _fade(arm, reward, self.gamma, own)


@dataclass(frozen=True)
class FadingBound:
    """The bound of the module's text; infinite before an arm's first pull, and without bonus below 1 pull."""

    c: float

    def __call__(self, seen: Seen, arms: Arms, among: Bools) -> Floats:
        """The bound of every arm, `[batch, skills]`."""
        out = np.empty(arms.total.shape)
        _bound(arms.pulls, arms.own, self.c, out)
        return out


@dataclass(frozen=True)
class DiscountedUcb:
    """UCB with evidence that fades by `gamma` with every pull of the learner.

    Their own gamma for T steps with so many changes is 1 - sqrt(changes / T) / (4 B).  Without `c`, the best
    of six values on `learners` tuning learners is taken.  Raises `InputError` for c < 0 or a gamma out of
    [0, 1].
    """

    gamma: float = 0.95
    c: float | None = None
    learners: int = LEARNERS

    def __post_init__(self) -> None:
        shares(gamma=self.gamma)
        check_bonus(self.c, self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `goal`."""

        def make(c: float) -> RulePolicy:
            rule = BanditRule(task.course, FadingBound(c), Fading(self.gamma))
            return RulePolicy("discounted_ucb", task, rule)

        return with_bonus(self.c, make, task, tracker, self.learners)
