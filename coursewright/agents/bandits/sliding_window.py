"""Sliding-window UCB: an upper bound that forgets everything but the last pulls.

Garivier & Moulines, "On upper-confidence bound policies for switching bandit problems", ALT 2011:

    mean of the arm's rewards in the window + B sqrt(xi ln(min(t, window)) / pulls of the arm in it)

with rewards in [0, B].  Here c = B sqrt(xi); for progress, which lies in [-1, 1], B = 2, and their
xi = .6 gives c = 1.55.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.agents.bandits.arms import Arms, BanditRule
from coursewright.agents.bandits.bonus import check_bonus, with_bonus
from coursewright.agents.options import at_least
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import LEARNERS
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import kernel


class Recent(NamedTuple):
    """The last pulls, `arm` and `reward [batch, window]` (arm -1: none yet); `t [batch]` counts all pulls."""

    arm: Ints
    reward: Floats
    t: Ints


@kernel
def _remember(arm: Ints, reward: Floats, kept: Recent) -> None:
    for i in range(arm.shape[0]):
        if arm[i] >= 0 and not np.isnan(reward[i]):
            place = kept.t[i] % kept.arm.shape[1]
            kept.arm[i, place] = arm[i]
            kept.reward[i, place] = reward[i]
            kept.t[i] += 1


@kernel
def _bound(kept: Recent, c: float, pulls: Ints, out: Floats) -> None:
    """`pulls [skills]` is scratch space."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            pulls[k] = 0
            out[i, k] = 0.0
        t = min(kept.t[i], kept.arm.shape[1])
        for place in range(t):
            pulls[kept.arm[i, place]] += 1
            out[i, kept.arm[i, place]] += kept.reward[i, place]
        for k in range(out.shape[1]):
            own = pulls[k]
            out[i, k] = out[i, k] / own + c * np.sqrt(np.log(t) / own) if own > 0 else np.inf


@dataclass(frozen=True)
class Window:
    """The evidence of the last `size` pulls alone."""

    size: int

    def begin(self, batch: int, skills: int) -> Recent:
        """No pull yet."""
        shape = (batch, self.size)
        return Recent(np.full(shape, -1, np.int64), np.zeros(shape), np.zeros(batch, np.int64))

    def learn(self, own: Recent, arm: Ints, reward: Floats) -> None:
        """The newest pull takes the place of the oldest."""
        _remember(arm, reward, own)


@dataclass(frozen=True)
class WindowBound:
    """The bound of the module's text; infinite for an arm that was not pulled in the window."""

    c: float

    def __call__(self, seen: Seen, arms: Arms, among: Bools) -> Floats:
        """The bound of every arm, `[batch, skills]`."""
        out = np.empty(arms.total.shape)
        _bound(arms.own, self.c, np.empty(arms.total.shape[1], np.int64), out)
        return out


@dataclass(frozen=True)
class SlidingWindowUcb:
    """UCB over the last `window` pulls of a learner: an arm that has left the window is pulled again.

    Their own window for T steps with so many changes is 2 B sqrt(T ln T / changes).  Without `c`, the best of
    six values on `learners` tuning learners is taken.  Raises `InputError` for c < 0 or window < 1.
    """

    window: int = 40
    c: float | None = None
    learners: int = LEARNERS

    def __post_init__(self) -> None:
        at_least(1, window=self.window)
        check_bonus(self.c, self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `goal`."""

        def make(c: float) -> RulePolicy:
            rule = BanditRule(task.course, WindowBound(c), Window(self.window))
            return RulePolicy("sliding_window_ucb", task, rule)

        return with_bonus(self.c, make, task, tracker, self.learners)
