"""EXP3 over skills, paid by progress: a bandit that assumes nothing about rewards.

Auer, Cesa-Bianchi, Freund & Schapire, "The nonstochastic multiarmed bandit problem", SIAM Journal on
Computing 2002.  Of K arms, arm k is pulled with the chance

    p(k) = (1 - gamma) w(k) / sum of w + gamma / K,    then w(k) <- w(k) exp(gamma r / (p(k) K))

for a reward r in [0, 1]: here (1 + progress) / 2.  K and the sum are those of the arms that are open now.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.agents.bandits.arms import Arms, BanditRule
from coursewright.agents.options import shares
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Keys, uniform


class Weights(NamedTuple):
    """ln w `[batch, skills]`, and `pk [batch]`, the last pull's p(k) times K."""

    log: Floats
    pk: Floats


@kernel
def _learn(arm: Ints, reward: Floats, gamma: float, kept: Weights) -> None:
    for i in range(arm.shape[0]):
        if arm[i] >= 0 and not np.isnan(reward[i]):
            kept.log[i, arm[i]] += gamma * 0.5 * (1.0 + reward[i]) / kept.pk[i]


@kernel
def _pull(fate: Keys, turn: Ints, among: Bools, gamma: float, kept: Weights, out: Floats) -> None:
    """Index 1 of the arm drawn, 0 of others."""
    for i in range(out.shape[0]):
        most, total, open_arms, last = -np.inf, 0.0, 0, -1
        for k in range(out.shape[1]):
            out[i, k] = 0.0
            if among[i, k]:
                most = max(most, kept.log[i, k])
        for k in range(out.shape[1]):
            if among[i, k]:
                open_arms += 1
                total += np.exp(kept.log[i, k] - most)
        left = uniform(fate[i], turn[i], POLICY)
        for k in range(out.shape[1]):
            if among[i, k] and left >= 0.0:
                p = (1.0 - gamma) * np.exp(kept.log[i, k] - most) / total + gamma / open_arms
                kept.pk[i] = p * open_arms
                left -= p
                last = k
        if last >= 0:  # rounding may leave a little: then it is the last open arm
            out[i, last] = 1.0


@dataclass(frozen=True)
class Exponential:
    """EXP3's weights as evidence, and the arm drawn by them as an index."""

    gamma: float

    def begin(self, batch: int, skills: int) -> Weights:
        """All weights are 1."""
        return Weights(np.zeros((batch, skills)), np.ones(batch))

    def learn(self, own: Weights, arm: Ints, reward: Floats) -> None:
        """The pulled arm's weight grows by its reward over its chance."""
        _learn(arm, reward, self.gamma, own)

    def __call__(self, seen: Seen, arms: Arms, among: Bools) -> Floats:
        """1 for the arm that is drawn, `[batch, skills]`; its chance is remembered."""
        out = np.empty(among.shape)
        _pull(seen.fate, seen.turn, among, self.gamma, arms.own, out)
        return out


@dataclass(frozen=True)
class Exp3:
    """EXP3 with exploration `gamma` in [0, 1].

    Without it, min(1, sqrt(K ln K / ((e - 1) g))) for K skills and g the task's steps, the most that the
    best arm can pay (their corollary 3.2).  Raises `InputError` for a gamma out of range.
    """

    gamma: float | None = None

    def __post_init__(self) -> None:
        if self.gamma is not None:
            shares(gamma=self.gamma)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `goal`."""
        arms = task.course.n_skills
        widest = min(1.0, np.sqrt(arms * np.log(arms) / ((np.e - 1.0) * task.horizon)))
        bandit = Exponential(float(widest if self.gamma is None else self.gamma))
        return RulePolicy("exp3", task, BanditRule(task.course, bandit, bandit))
