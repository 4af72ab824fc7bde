"""Learners who neither learn nor forget: every item has its difficulty, and nothing else matters.

They are the null hypothesis of every check on simulated learners.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import mean_of_items
from coursewright.simulators.course import Course
from coursewright.simulators.luck import ANSWER, Luck, uniforms
from coursewright.simulators.protocol import Response

DIGITS = 6  # of a chance in a table


class NoState(NamedTuple):
    """Learners without a past: `met [batch]` counts the items they have met, and nobody reads it."""

    met: Ints


@dataclass(frozen=True, eq=False)
class FixedItems:
    """Learners who answer item i right with probability `p [items]`, at all times."""

    course: Course
    p: Floats

    @cached_property
    def _by_skill(self) -> Mastery:
        mean: Mastery = np.empty((1, self.course.n_skills), np.float32)
        mean_of_items(self.p[None], self.course, mean)
        return mean

    def empty(self, batch: int) -> NoState:
        """Learners, all alike."""
        return NoState(np.zeros(batch, np.int64))

    def enrol(self, state: NoState, rows: Ints, luck: Luck) -> None:
        """New learners are like the old ones."""
        state.met[rows] = 0

    def p_correct(self, state: NoState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` of `item [batch]`."""
        asked = item >= 0
        out[asked] = self.p[item[asked]]

    def practise(self, state: NoState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer; there is nothing to learn."""
        draw = np.empty(len(item))
        uniforms(luck.fate, luck.step, ANSWER, draw)
        asked = np.flatnonzero(item >= 0)
        state.met[asked] += 1
        out.correct[asked] = draw[asked] < self.p[item[asked]]
        out.grade[asked] = out.correct[asked]
        out.minutes[asked] = self.course.minutes[item[asked]]

    def elapse(self, state: NoState, days: Floats, luck: Luck) -> None:
        """Nothing is forgotten."""

    def mastery(self, state: NoState, out: Mastery) -> None:
        """The mean over each skill's items of P(correct), the same for everybody."""
        out[:] = self._by_skill
