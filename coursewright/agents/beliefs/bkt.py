"""The exact belief for Bayesian Knowledge Tracing: one P(known) a skill, moved by Bayes' rule.

It holds where skills are independent; `particles` serves all other models.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from coursewright.agents.beliefs.matched import Matched
from coursewright.envs.belief import PRIOR, Beliefs, after_practice, believe, tutor_table
from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery, Observation
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.knowledge.bkt import UNKNOWN, Bkt, BktState, p_items
from coursewright.simulators.luck import ENROL, Keys, uniform


class Filter(NamedTuple):
    """P(known) of each of the model's skills, float32 `[batch, skills]`."""

    known: Observation


@kernel
def _believe(known: Observation, item: Ints, correct: Ints, taught: Bools, by: Beliefs) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            believe(known, i, item[i], correct[i], taught[i], by)


@kernel
def _forget(known: Observation, days: Floats, forget: Floats) -> None:
    for i in range(known.shape[0]):
        if days[i] > 0.0:
            for k in range(known.shape[1]):
                lost = 1.0 - (1.0 - forget[k]) ** days[i]
                known[i, k] = after_practice(float(known[i, k]), 0.0, lost)


@kernel
def _draw(known: Observation, rows: Ints, key: Keys, until: Mastery) -> None:
    for n in range(rows.shape[0]):
        for k in range(known.shape[1]):
            until[n, k] = np.inf if uniform(key[n], 0, ENROL + k) < known[rows[n], k] else UNKNOWN


@dataclass(frozen=True, eq=False)
class BktBelief:
    """The filter over the answers (Corbett & Anderson 1994), with the parameters of `model`.

    Attributes
    ----------
    course : the course that is taught; the model's is matched to it by name.
    model : BKT without prerequisites and individual differences, fitted to a log.
    """

    course: Course
    model: Bkt
    tells = ("expected_mastery", "chance", "gain")
    averages = True

    @property
    def learners(self) -> Bkt:
        """The fitted learners, who know a skill or do not."""
        return self.model

    @cached_property
    def matched(self) -> Matched:
        """The model's course as seen from the course that is taught."""
        return Matched(self.course, self.model.course)

    @cached_property
    def _rules(self) -> Beliefs:
        table = self.model.parameters
        at_practice = self._forget if self.model.forgetting == "opportunity" else np.zeros(table.n_skills)
        tutor = tutor_table(table.prior[0], table.learn[0], at_practice, table.guess[0], table.slip[0])
        start, needed = self.model.course.needed
        return Beliefs(0, 1, True, tutor, start, needed, self.model.course.one_to_one)

    @property
    def _forget(self) -> Floats:
        return np.ascontiguousarray(np.asarray(self.model.parameters.forget)[0])

    def empty(self, batch: int) -> Filter:
        """New learners."""
        return Filter(np.tile(self._rules.tutor[:, PRIOR].astype(np.float32), (batch, 1)))

    def open(self, state: Filter, rows: Ints, past: Past, key: Keys) -> None:
        """P(L0), and then the answers of the past; the filter draws nothing."""
        known = self.empty(len(rows)).known
        for t in range(past.item.shape[1]):
            there = t < past.length
            item = np.where(there, self.matched.of_items(past.item[:, t]), -1)
            _believe(known, item, past.correct[:, t], past.taught[:, t], self._rules)
        state.known[rows] = known

    def update(self, state: Filter, event: Event) -> None:
        """Bayes' rule for the answer, then learning, then the days."""
        _believe(state.known, self.matched.of_items(event.item), event.correct, event.taught, self._rules)
        if self.model.forgetting == "time":
            _forget(state.known, event.days, self._forget)

    def known(self, state: Filter, rows: Ints, out: Floats) -> None:
        """P(known) `[rows, skills]`."""
        out[:] = state.known[rows][:, self.matched.skill]

    def chances(self, state: Filter, rows: Ints, out: Floats) -> None:
        """P(correct) of every item, `[rows, items]`; one half where the model does not know the item."""
        p = p_items(state.known[rows], self.model.parameters, self.model.course)
        item = self.matched.item
        out[:] = np.where(item >= 0, p[:, item], 0.5)

    def gains(self, state: Filter, rows: Ints, goal: Bools, out: Floats) -> None:
        """(1 - P(known)) P(T), summed over the item's goal skills, a share of the goal, `[rows, items]`."""
        worth = (1.0 - state.known[rows]) * self.model.parameters.learn[0] * self.matched.goal(goal)
        out[:] = 0.0
        start, skills = self.model.course.needs
        for a, item in enumerate(self.matched.item):
            if item >= 0:
                out[:, a] = worth[:, skills[start[item] : start[item + 1]]].sum(axis=1)

    def draw(self, state: Filter, rows: Ints, key: Keys) -> BktState:
        """Learners who know each skill with P(known); forgetting that is drawn ahead is drawn by others."""
        drawn = self.model.empty(len(rows))
        _draw(state.known, rows, key, drawn.until)
        return drawn
