"""DHP, difficulty-halflife-p(recall): the memory model behind SSP-MMC (Ye, Su & Cao, KDD 2022).

An item of difficulty d that was last reviewed t days ago is recalled with

    p  = 2^(-t / h)
    h0 = -1 / log2(max(.925 - .05 d, .025))                                          first practice
    h' = h (1 + e^3.81 d^-.534 h^-.127 (1 - p)^.97)                                  recalled
    h' = e^-.041 d^-.041 h^.377 (1 - p)^-.227,  d' = min(d + 2, 18)                  forgotten

One item a skill.  An item that was never practised is not known: it cannot be recalled, and its
first practice introduces it.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import answer
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import ENROL, Keys, Luck, uniform
from coursewright.simulators.protocol import Prologue, Response

NEW = 0.0  # the half-life of an item that was never practised
EASIEST, HARDEST = 1.0, 18.0
LEAST = 1e-10  # of 1 - p after forgetting: an answer that the model calls impossible must not give infinity


class DhpState(NamedTuple):
    """A batch of learners.

    `now [batch]` is the day; `halflife` in days (0: never practised), `difficulty` (1 to 18) and day
    `reviewed` are `[batch, items]`.
    """

    now: Floats
    halflife: Floats
    difficulty: Floats
    reviewed: Floats


@inlined
def recall(halflife: float, days: float) -> float:
    """P(recall) `days` after the last review; 0 for a new item."""
    return float(2.0 ** (-days / halflife)) if halflife > NEW else 0.0


@kernel
def first_halflife(difficulty: float) -> float:
    """Half-life in days after the first practice."""
    return float(-1.0 / np.log2(max(0.925 - 0.05 * difficulty, 0.025)))


@kernel
def after_recall(halflife: float, difficulty: float, p: float) -> float:
    """Half-life in days after an item was recalled with chance p."""
    gain = np.exp(3.81) * difficulty**-0.534 * halflife**-0.127 * (1.0 - p) ** 0.97
    return float(halflife * (1.0 + gain))


@kernel
def after_lapse(halflife: float, difficulty: float, p: float) -> float:
    """Half-life in days after an item was forgotten that was recalled with chance p."""
    missed = max(1.0 - p, LEAST)
    return float(np.exp(-0.041) * difficulty**-0.041 * halflife**0.377 * missed**-0.227)


@kernel
def _enrol(state: DhpState, hardest: int, rows: Ints, learner: Keys) -> None:
    for i in rows:
        state.now[i] = 0.0
        for a in range(state.halflife.shape[1]):
            state.halflife[i, a] = NEW
            state.reviewed[i, a] = 0.0
            state.difficulty[i, a] = EASIEST + np.floor(hardest * uniform(learner[i], 0, ENROL + a))


@kernel
def _p_correct(state: DhpState, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        a = item[i]
        if a >= 0:
            out[i] = recall(state.halflife[i, a], state.now[i] - state.reviewed[i, a])


@kernel
def _learn(state: DhpState, item: Ints, taught: Bools, correct: Ints) -> None:
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0 or not taught[i]:
            continue
        h, d = state.halflife[i, a], state.difficulty[i, a]
        p = recall(h, state.now[i] - state.reviewed[i, a])
        if h == NEW:
            state.halflife[i, a] = first_halflife(d)
        elif correct[i] == 1:
            state.halflife[i, a] = after_recall(h, d, p)
        else:
            state.halflife[i, a] = after_lapse(h, d, p)
            state.difficulty[i, a] = min(d + 2.0, HARDEST)
        state.reviewed[i, a] = state.now[i]


@kernel
def _mastery(state: DhpState, out: Mastery) -> None:
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            out[i, a] = recall(state.halflife[i, a], state.now[i] - state.reviewed[i, a])


@dataclass(frozen=True, eq=False)
class Dhp:
    """A population of DHP learners.

    Attributes
    ----------
    course : one item a skill.
    hardest : an item's difficulty is uniform in 1, ..., hardest, for each learner.
    """

    course: Course = field(default_factory=lambda: Course.of(50))
    hardest: int = 10

    def __post_init__(self) -> None:
        if not self.course.one_to_one:
            raise reject("dhp.course", f"{self.course.n_items} items", "one item a skill, in order")
        if not 1 <= self.hardest <= HARDEST or int(self.hardest) != self.hardest:
            raise reject("dhp.hardest", self.hardest, "a whole number from 1 to 18")

    def empty(self, batch: int) -> DhpState:
        """Learners to whom everything is new and easy, on day 0."""
        shape = (batch, self.course.n_items)
        return DhpState(np.zeros(batch), np.full(shape, NEW), np.full(shape, EASIEST), np.zeros(shape))

    def enrol(self, state: DhpState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners to whom everything is new; they bring neither a goal nor a past."""
        _enrol(state, int(self.hardest), rows, luck.learner)
        return None

    def p_correct(self, state: DhpState, item: Ints, out: Floats) -> None:
        """P(recall) `[batch]` if `item [batch]` were asked now; 0 for a new item."""
        _p_correct(state, item, out)

    def practise(self, state: DhpState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old state, then learn."""
        answer(self, state, item, luck, out)
        self.learn(state, item, taught, out.correct)

    def learn(self, state: DhpState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Practise `item [batch]`, once the answer `correct [batch]` is known; a tutor may replay it too."""
        _learn(state, item, taught, correct)

    def elapse(self, state: DhpState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass."""
        state.now[:] += days

    def mastery(self, state: DhpState, out: Mastery) -> None:
        """P(recall) of each skill's item if asked now, `[batch, skills]`."""
        _mastery(state, out)
