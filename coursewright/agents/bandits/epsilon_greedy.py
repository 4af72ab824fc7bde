"""Epsilon-greedy over skills, paid by progress (Sutton & Barto, Reinforcement Learning, section 2.2)."""

from dataclasses import dataclass

import numpy as np

from coursewright.agents.bandits.arms import Arms, BanditRule
from coursewright.agents.options import shares
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Keys, uniform


@kernel
def _mean_or_draw(fate: Keys, turn: Ints, arms: Arms, epsilon: float, out: Floats) -> None:
    for i in range(out.shape[0]):
        explore = uniform(fate[i], turn[i], POLICY) < epsilon
        for k in range(out.shape[1]):
            if explore:
                out[i, k] = uniform(fate[i], turn[i], POLICY + 1 + k)
            else:
                out[i, k] = arms.total[i, k] / arms.pulls[i, k] if arms.pulls[i, k] > 0 else np.inf


@dataclass(frozen=True)
class MeanOrDraw:
    """The mean reward, infinite before an arm's first pull; with the chance epsilon a draw in its place."""

    epsilon: float

    def __call__(self, seen: Seen, arms: Arms, among: Bools) -> Floats:
        """The index of every arm, `[batch, skills]`."""
        out = np.empty(arms.total.shape)
        _mean_or_draw(seen.fate, seen.turn, arms, self.epsilon, out)
        return out


@dataclass(frozen=True)
class EpsilonGreedy:
    """With the chance `epsilon` any arm, all equally likely; else the one with the highest mean reward.

    Every arm is pulled once first, but where epsilon comes between.  Raises `InputError` for a chance that is
    none.
    """

    epsilon: float = 0.1

    def __post_init__(self) -> None:
        shares(epsilon=self.epsilon)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `goal`."""
        return RulePolicy("epsilon_greedy", task, BanditRule(task.course, MeanOrDraw(self.epsilon)))
