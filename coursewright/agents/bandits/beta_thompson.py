"""Thompson sampling with Beta posteriors over skills, paid by progress.

Agrawal & Goyal, "Analysis of Thompson sampling for the multi-armed bandit problem", COLT 2012: of rewards in
[0, 1], each adds its size to the successes and the rest to the failures.  Progress r in [-1, 1] becomes
(1 + r) / 2, so that an arm without progress is worth one half.  (They draw a success with that chance;
here the share itself is added, which has the same mean and no noise.)
"""

from dataclasses import dataclass

import numpy as np

from coursewright.agents.bandits.arms import Arms, BanditRule
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Keys, uniform

ATTEMPTS = 64  # of a draw; one attempt in two or more is taken
DRAWS = 2 * ATTEMPTS  # the indices that an arm takes


@kernel
def beta_draw(a: float, b: float, key: np.uint64, step: int, purpose: int) -> float:
    """A draw from Beta(a, b), a and b >= 1, by Cheng's algorithm BB (CACM 1978); it uses `DRAWS` indices."""
    if a == 1.0 and b == 1.0:
        return float(uniform(key, step, purpose))
    low, high, both = min(a, b), max(a, b), a + b
    slope = np.sqrt((both - 2.0) / (2.0 * a * b - both))
    w = low
    for attempt in range(ATTEMPTS):
        u = uniform(key, step, purpose + 2 * attempt)
        v = slope * np.log(u / (1.0 - u))
        w = low * np.exp(v)
        r = (low + 1.0 / slope) * v - np.log(4.0)
        z = u * u * uniform(key, step, purpose + 2 * attempt + 1)
        if r + both * np.log(both / (high + w)) >= np.log(z):
            break
    return float(w / (high + w) if a == low else high / (high + w))


@kernel
def _sample(fate: Keys, turn: Ints, arms: Arms, among: Bools, out: Floats) -> None:
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            if among[i, k]:
                pulls, total = arms.pulls[i, k], arms.total[i, k]
                a, b = 1.0 + 0.5 * max(pulls + total, 0.0), 1.0 + 0.5 * max(pulls - total, 0.0)
                out[i, k] = beta_draw(a, b, fate[i], turn[i], POLICY + DRAWS * k)


def posterior_draws(seen: Seen, arms: Arms, among: Bools) -> Floats:
    """A draw `[batch, skills]` from each arm's posterior, Beta(1 + successes, 1 + failures)."""
    out = np.full(among.shape, -np.inf)
    _sample(seen.fate, seen.turn, arms, among, out)
    return out


@dataclass(frozen=True)
class BetaThompson:
    """Thompson sampling with a Beta(1, 1) prior on each arm's mean reward (1 + progress) / 2."""

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `goal`."""
        return RulePolicy("beta_thompson", task, BanditRule(task.course, posterior_draws))
