"""From scores to actions: the best ones, or draws from logits with each learner's own luck."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.agents.label import Label
from coursewright.agents.portions import parts
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Keys, Luck, uniform

Scores = npt.NDArray[np.float32]
BYTES = 128  # of vectors a column and row, in a policy that serves any course
DISALLOWED = -1.0e8  # the score of a disallowed action: exp(DISALLOWED - anything usual) is 0


class Cells(NamedTuple):
    """The memory of an LSTM: its hidden and its cell state, float32 `[batch, units]`."""

    hidden: Scores
    cell: Scores


Memory = Cells | tuple[()]  # nothing in a network that remembers nothing


class Draws(NamedTuple):
    """A policy's state: `fate [batch]` keys its draws, `step [batch]` counts its choices, and its memory."""

    fate: Keys
    step: Ints
    memory: Memory = ()

    @classmethod
    def of(cls, luck: Luck, units: int = 0) -> "Draws":
        """For learners who begin an episode; `units` of memory are zero."""
        blank = np.zeros((len(luck.fate), units), np.float32)
        return cls(luck.fate.copy(), luck.step.copy(), Cells(blank, blank.copy()) if units else ())

    def next(self, memory: Memory = ()) -> "Draws":
        """After one choice."""
        return Draws(self.fate, self.step + 1, memory)


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


@dataclass(frozen=True, eq=False)
class Chooser:
    """Stable-Baselines3's `predict` over any scorer of actions: a network in memory, or one in a file.

    Attributes
    ----------
    label : the scored columns, the use of masks, and the kind of the scores (logits or values).
    judge : `observation [batch, columns]`, `mask [batch, actions]` and memory to scores, the best action, and
        the next memory.
    hosted : True where a host shows what is chosen to people: a row where nothing is allowed is refused.
        Elsewhere its action is 0, which the environment takes as it takes any disallowed one.
    """

    label: Label
    judge: Callable[[Observation, Bools, Memory], tuple[Scores, Ints, Memory]]
    hosted: bool = False

    def begin(self, luck: Luck) -> Draws:
        """Each learner's own draws, for choices that are not deterministic, and an empty memory."""
        return Draws.of(luck, self.label.memory)

    def scores(
        self, observation: Observation, action_masks: Bools | None = None, state: Draws | None = None
    ) -> Scores:
        """A score for every action, `[batch, actions]`; a disallowed action gets -1e8."""
        return self._judged(observation, action_masks, state)[0]

    def predict(
        self,
        observation: Observation,
        state: Draws | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Draws | None]:
        """Actions `[batch]`: the best ones, or draws from the logits with the learners' own luck.

        The memory of a row where an episode starts is emptied first.  Raises `InputError` without the state
        that `begin` gives, where a draw is asked for or the policy remembers.
        """
        scores, best, memory = self._judged(observation, action_masks, state, episode_start)
        drawn = self.label.stochastic and not deterministic
        if drawn and state is None:
            raise reject("state", None, "the state of the policy's begin(luck), to draw actions from")
        action = draw(scores, state) if drawn and state is not None else best
        return action, None if state is None else state.next(memory)

    def chances(
        self, observation: Observation, state: Draws, action_masks: Bools | None, deterministic: bool = True
    ) -> Floats:
        """P(action) `[batch, actions]` of the choice that `predict` makes of the same."""
        scores, best, _ = self._judged(observation, action_masks, state)
        if deterministic or not self.label.stochastic:
            chance = np.zeros(scores.shape)
            chance[np.arange(len(best)), best] = 1.0
            return chance
        weight = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    def _judged(
        self,
        observation: Observation,
        action_masks: Bools | None,
        state: Draws | None,
        episode_start: Bools | None = None,
    ) -> tuple[Scores, Ints, Memory]:
        seen, mask = self.label.checked(observation, action_masks)
        if self.hosted and mask is not None and not mask.any(axis=1).all():
            row = int(np.argmin(mask.any(axis=1)))
            raise reject(f"action_masks[{row}]", "False throughout", "True for at least one action")
        heeded = self.label.heeded(mask, len(seen))
        if not self.label.reads:
            return self.judge(seen, heeded, self._memory(state, episode_start))
        rows = parts(np.arange(len(seen)), BYTES * len(self.label.columns))
        judged = [self.judge(seen[part], heeded[part], ())[:2] for part in rows]
        scores, best = (np.concatenate(part) for part in zip(*judged, strict=True))
        return scores, best, ()

    def _memory(self, state: Draws | None, episode_start: Bools | None) -> Memory:
        """The memory of the learners before a choice."""
        if not self.label.memory:
            return ()
        if state is None:
            raise reject("state", None, "the state of the policy's begin(luck), for this policy remembers")
        if episode_start is None or not np.any(episode_start):
            return state.memory
        return Cells(*(np.where(episode_start[:, None], np.float32(0), part) for part in state.memory))
