"""The belief by a neural knowledge tracer: the memory of the network that has read the learner's answers.

Given the answers nothing about such a learner is hidden, so the belief is exact for learners of the model.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coursewright.agents.beliefs.matched import ABSENT, Matched
from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Keys
from coursewright.simulators.neural.kes import Kes, KesState
from coursewright.simulators.neural.network import Weights
from coursewright.simulators.protocol import take


@dataclass(frozen=True, eq=False)
class NeuralBelief:
    """The network's memory of each learner, `[batch, width]`; see `KesState`.

    Attributes
    ----------
    course : the course that is taught; the model's is matched to it by name.
    model : neural learners who take in the answers that they give (`feedback="sampled"`), fitted to a log.
    """

    course: Course
    model: Kes
    tells = ("expected_mastery", "chance", "gain")
    averages = False

    @property
    def learners(self) -> Kes:
        """The fitted learners."""
        return self.model

    @cached_property
    def matched(self) -> Matched:
        """The model's course as seen from the course that is taught."""
        return Matched(self.course, self.model.course)

    @cached_property
    def _unit(self) -> Ints:
        """The network's unit of each item that is taught, `[items]`; -1 where it knows none."""
        return np.where(self.matched.item >= 0, self.model.tracer.unit[self.matched.item], ABSENT)

    def empty(self, batch: int) -> KesState:
        """Learners who have answered nothing."""
        return self.model.empty(batch)

    def open(self, state: KesState, rows: Ints, past: Past, key: Keys) -> None:
        """An empty memory, and then the answers of the past; nothing is drawn."""
        memory = np.zeros((len(rows), state.memory.shape[1]), np.float32)
        for t in range(past.item.shape[1]):
            item = np.where(t < past.length, past.item[:, t], -1)
            self._read(memory, item, past.correct[:, t], past.taught[:, t])
        state.memory[rows] = memory

    def update(self, state: KesState, event: Event) -> None:
        """Read the answer; what is shown without a question, and days, mean nothing to the network."""
        self._read(state.memory, event.item, event.correct, event.taught)

    def _read(self, memory: Weights, item: Ints, correct: Ints, taught: Bools) -> None:
        heard = (item >= 0) & (correct >= 0) & taught
        self.model.engine.advance(memory, np.where(heard, self._unit[item], -1), correct.astype(np.float64))

    def known(self, state: KesState, rows: Ints, out: Floats) -> None:
        """Mean P(correct) over the items of each skill, `[rows, skills]`."""
        out[:] = self._mastery(state.memory[rows])[:, self.matched.skill]

    def chances(self, state: KesState, rows: Ints, out: Floats) -> None:
        """P(correct) of every item, `[rows, items]`; one half where the model does not know the item."""
        out[:] = np.where(self._unit >= 0, self._p(state.memory[rows])[:, self._unit], 0.5)

    def gains(self, state: KesState, rows: Ints, goal: Bools, out: Floats) -> None:
        """Expected rise in goal mastery by one practice of each item, over both answers, `[rows, items]`.

        An item that the model does not know gains nothing.  Items of one unit gain the same.
        """
        memory, share = state.memory[rows], self.matched.goal(goal)
        p, before = self._p(memory), (self._mastery(memory) * share).sum(axis=1)
        out[:] = 0.0
        for unit in np.unique(self._unit[self._unit >= 0]):
            asked, after = np.full(len(rows), unit), []
            for answer in (0.0, 1.0):
                then = memory.copy()
                self.model.engine.advance(then, asked, np.full(len(rows), answer))
                after.append((self._mastery(then) * share).sum(axis=1))
            gain = (1.0 - p[:, unit]) * after[0] + p[:, unit] * after[1] - before
            out[:, self._unit == unit] = gain[:, None]

    def draw(self, state: KesState, rows: Ints, key: Keys) -> KesState:
        """Learners with the memory of the answers: nothing else is hidden, and nothing is drawn."""
        return take(state, rows)

    def _p(self, memory: Weights) -> Weights:
        """P(correct) of every unit, `[batch, units]`."""
        p = np.empty((len(memory), self.model.tracer.network.units), np.float32)
        self.model.engine.p_all(memory, p)
        return p

    def _mastery(self, memory: Weights) -> Mastery:
        """Mean P(correct) over the items of each of the model's skills, `[batch, skills]`."""
        out: Mastery = np.empty((len(memory), self.model.course.n_skills), np.float32)
        self.model.mastery(KesState(memory, np.zeros((len(memory), 0), np.int64)), out)
        return out
