"""UCB1 over skills, paid by progress (Auer et al., Machine Learning 2002)."""

from dataclasses import dataclass

import numpy as np

from coursewright.agents.bandits.arms import Arms, BanditRule
from coursewright.agents.bandits.bonus import check_bonus, with_bonus
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import LEARNERS
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats
from coursewright.simulators.kernel import kernel


@kernel
def _bound(arms: Arms, c: float, out: Floats) -> None:
    for i in range(out.shape[0]):
        pulls = 0
        for k in range(out.shape[1]):
            pulls += arms.pulls[i, k]
        for k in range(out.shape[1]):
            own = arms.pulls[i, k]
            out[i, k] = np.inf
            if own > 0:
                out[i, k] = arms.total[i, k] / own + c * np.sqrt(2.0 * np.log(pulls) / own)


@dataclass(frozen=True)
class UpperBound:
    """Mean reward + c sqrt(2 ln(pulls) / pulls of the arm); infinite before an arm's first pull."""

    c: float

    def __call__(self, seen: Seen, arms: Arms, among: Bools) -> Floats:
        """The bound of every arm, `[batch, skills]`."""
        out = np.empty(arms.total.shape)
        _bound(arms, self.c, out)
        return out


@dataclass(frozen=True)
class Ucb:
    """UCB1: every arm is pulled once first, then the one of the highest `UpperBound`.

    Without `c`, the best of six values on `learners` tuning learners is taken.  Raises `InputError` for
    c < 0.
    """

    c: float | None = None
    learners: int = LEARNERS

    def __post_init__(self) -> None:
        check_bonus(self.c, self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `goal`."""

        def make(c: float) -> RulePolicy:
            return RulePolicy("ucb", task, BanditRule(task.course, UpperBound(c)))

        return with_bonus(self.c, make, task, tracker, self.learners)
