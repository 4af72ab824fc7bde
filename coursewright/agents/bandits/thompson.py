"""Thompson sampling over skills, paid by progress."""

from dataclasses import dataclass

import numpy as np

from coursewright.agents.bandits.arms import Arms, BanditRule
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Keys, normal

NOISE = 0.5  # standard deviation of a reward, as the rule believes


@kernel
def _sample(fate: Keys, turn: Ints, arms: Arms, among: Bools, out: Floats) -> None:
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            if not among[i, k]:
                continue
            precision = 1.0 + arms.pulls[i, k] / NOISE**2
            draw = normal(fate[i], turn[i], POLICY + 2 * k)
            out[i, k] = arms.total[i, k] / NOISE**2 / precision + draw / np.sqrt(precision)


def posterior_draws(seen: Seen, arms: Arms, among: Bools) -> Floats:
    """A draw `[batch, skills]` from the posterior of each arm's mean: prior N(0, 1), noise of sd .5."""
    out = np.full(among.shape, -np.inf)
    _sample(seen.fate, seen.turn, arms, among, out)
    return out


@dataclass(frozen=True)
class Thompson:
    """Gaussian Thompson sampling: prior N(0, 1) on an arm's mean reward, noise of sd .5."""

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `goal`."""
        return RulePolicy("thompson", task, BanditRule(task.course, posterior_draws))
