"""RLTutor's learner: DAS3H under a forgetting curve (Kubotani, Fukuhara & Morishima 2021).

    p = g + (1 - g) (1 + 0.3 lag)^(-0.8),    lag in seconds since the item's last review

g is the DAS3H probability (`das3h.py`, with its bounded history), so right after a review the answer
is certain and it falls towards g; an item never reviewed has p = g.  A learner answers first, then the
review is recorded.  The published learner has 30 items and 15 skills.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import answer, mean_of_items
from coursewright.simulators.branch_free import power
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.logistic.das3h import Das3h, Das3hState
from coursewright.simulators.luck import Luck
from coursewright.simulators.protocol import Prologue, Response

DAY_S = 86_400.0  # seconds
SCALE, POWER = 0.3, -0.8  # per second; of the published forgetting curve
NEVER = -1.0  # `reviewed` of an item that was not: before any day


class RltutorState(NamedTuple):
    """A batch of learners: the `inner` DAS3H state, and the day each item was `reviewed [batch, items]`."""

    inner: Das3hState
    reviewed: Floats


class Curve(NamedTuple):
    """The forgetting curve: see `Rltutor`."""

    scale: float
    power: float


@inlined
def _above(g: float, days: float, curve: Curve) -> float:
    """P(correct) `days` after a review, where g is left in the end."""
    return g + (1.0 - g) * power(1.0 + curve.scale * (DAY_S * days), curve.power)


@kernel
def _p_correct(state: RltutorState, curve: Curve, item: Ints, p: Floats) -> None:
    """Raise DAS3H's chances `p [batch]` of `item [batch]` by what the last review left."""
    now, reviewed = state.inner.now, state.reviewed
    for i in range(item.shape[0]):
        if item[i] >= 0 and reviewed[i, item[i]] != NEVER:
            p[i] = _above(p[i], now[i] - reviewed[i, item[i]], curve)


@kernel
def _chances(state: RltutorState, curve: Curve, p: Floats) -> None:
    """The same for every item, `[batch, items]`."""
    for i in range(p.shape[0]):
        now = state.inner.now[i]
        for a in range(p.shape[1]):
            reviewed = state.reviewed[i, a]
            above = _above(p[i, a], now - reviewed, curve)
            p[i, a] = p[i, a] if reviewed == NEVER else above


@kernel
def _review(state: RltutorState, item: Ints, taught: Bools) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0 and taught[i]:
            state.reviewed[i, item[i]] = state.inner.now[i]


@dataclass(frozen=True, eq=False)
class Rltutor:
    """A population of RLTutor learners: `inner` gives P(correct) once an item is long ago.

    `scale` (per second, >= 0) and `power` (<= 0) are those of the forgetting curve.
    """

    inner: Das3h
    scale: float = SCALE
    power: float = POWER

    def __post_init__(self) -> None:
        if not 0.0 <= self.scale < np.inf:
            raise reject("rltutor.scale", self.scale, "a finite number >= 0 (per second)")
        if not -np.inf < self.power <= 0.0:
            raise reject("rltutor.power", self.power, "a finite number <= 0")

    @property
    def course(self) -> Course:
        """The course of the learners inside."""
        return self.inner.course

    def empty(self, batch: int) -> RltutorState:
        """Average learners who have reviewed nothing, on day 0."""
        return RltutorState(self.inner.empty(batch), np.full((batch, self.course.n_items), NEVER))

    def enrol(self, state: RltutorState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners, as DAS3H has them; they bring neither a goal nor a past."""
        state.reviewed[rows] = NEVER
        return self.inner.enrol(state.inner, rows, luck)

    def p_correct(self, state: RltutorState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        self.inner.p_correct(state.inner, item, out)
        _p_correct(state, self._curve, item, out)

    def practise(self, state: RltutorState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer, then record the review; a row that is not taught only answers."""
        answer(self, state, item, luck, out)
        self.inner.record(state.inner, item, taught, out.correct)
        _review(state, item, taught)

    def study(self, state: RltutorState, item: Ints, luck: Luck) -> None:
        """Show `item [batch]` (-1: none) without asking: a review, and no answer."""
        _review(state, item, np.ones(len(item), bool))

    def elapse(self, state: RltutorState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass."""
        self.inner.elapse(state.inner, days, luck)

    def mastery(self, state: RltutorState, out: Mastery) -> None:
        """Mean P(correct) over the items of each skill, if asked now, `[batch, skills]`."""
        p = np.empty((len(out), self.course.n_items))
        self.inner.chances(state.inner, p)
        _chances(state, self._curve, p)
        mean_of_items(p, self.course, out)

    @property
    def _curve(self) -> Curve:
        return Curve(float(self.scale), float(self.power))
