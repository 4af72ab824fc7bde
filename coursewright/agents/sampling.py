"""From scores to actions: the best ones, or draws from logits with each learner's own luck."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.simulators.arrays import Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Keys, Luck, uniform

Scores = npt.NDArray[np.float32]
DISALLOWED = -1.0e8  # the score of what may not be chosen: exp(DISALLOWED - anything usual) is 0


class Draws(NamedTuple):
    """A policy's state: `fate [batch]` keys its draws, `step [batch]` counts its choices."""

    fate: Keys
    step: Ints

    @classmethod
    def of(cls, luck: Luck) -> "Draws":
        """For learners who begin an episode."""
        return cls(luck.fate.copy(), luck.step.copy())

    def next(self) -> "Draws":
        """After one choice."""
        return Draws(self.fate, self.step + 1)


@kernel
def _draw(scores: Scores, fate: Keys, step: Ints, action: Ints) -> None:
    for i in range(scores.shape[0]):
        best = scores[i, 0]
        for a in range(scores.shape[1]):
            best = max(best, scores[i, a])
        total = 0.0
        for a in range(scores.shape[1]):
            total += np.exp(float(scores[i, a] - best))
        left = uniform(fate[i], step[i], POLICY) * total
        action[i] = -1
        for a in range(scores.shape[1]):
            weight = np.exp(float(scores[i, a] - best))
            if weight > 0.0 and (left >= 0.0 or action[i] < 0):
                action[i] = a  # the last one possible, should rounding leave something over
            left -= weight


def draw(scores: Scores, draws: Draws) -> Ints:
    """One action a row, `[batch]`, with probability proportional to exp(scores `[batch, actions]`)."""
    action = np.empty(len(scores), np.int64)
    _draw(scores, draws.fate, draws.step, action)
    return action


def choose(scores: Scores, best: Ints, state: Draws | None, deterministic: bool) -> tuple[Ints, Draws | None]:
    """The `best` action of each row, or one drawn from its `scores`; and the next state."""
    if state is None and not deterministic:
        raise reject("state", None, "what the policy's begin(luck) gave, to draw actions from")
    action = best if deterministic or state is None else draw(scores, state)
    return action, None if state is None else state.next()
