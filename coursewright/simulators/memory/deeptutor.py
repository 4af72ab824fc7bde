"""Learners who forget, as in deeptutor.

Reddy, Levine & Dragan, "Accelerating Human Learning with Deep Reinforcement Learning", NeurIPS workshop
"Teaching machines, robots, and humans", 2017.  One item a skill.  An item that was last shown at t_i
has, at time `now`, one of two forgetting curves:

    p_i = height_i exp(-pace_i (now - t_i))                                          exponential
    p_i = height_i (1 + pace_i (now - t_i))^(-bend_i)                                power law

The change of the curve by practice is a law of its own: see `laws.Efc`, `DeepTutorHlr` and `DeepTutorDash`.

Order: the learner answers at `now`, and time passes; the item just shown is then taken as shown at
the new `now`, so that it has age 0.  The published code draws the first t_i in the future, which gives
p > 1; here t_i = -exp(N(0, 1)), so that t_i <= now and p in [0, 1] always.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import answer
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import Keys, Luck
from coursewright.simulators.protocol import Prologue, Response


class CurveState(NamedTuple):
    """A batch of learners.

    `now [batch]` is the day, `fresh [batch]` the item taught since time last passed (-1: none),
    `lessons [batch]` the number of items taught.  `shown [batch, items]` is the day t_i, and `height`,
    `pace` and `bend [batch, items]` are the curve.  `trait`, `attempts` and `correct [batch, items]`
    belong to the law: the learner's trait for the item, and counts of lessons.
    """

    now: Floats
    fresh: Ints
    lessons: Ints
    shown: Floats
    height: Floats
    pace: Floats
    bend: Floats
    trait: Floats
    attempts: Ints
    correct: Ints


class Law(Protocol):
    """The law by which practice changes a forgetting curve, and learners differ."""

    @property
    def power(self) -> bool:
        """True where the curve is the power law."""
        ...

    def draw(self, state: CurveState, rows: Ints, learner: Keys) -> None:
        """New learners in `rows`: first curve, trait and t_i, zeroed counts; `learner [batch]` keys them."""
        ...

    def teach(self, state: CurveState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Change the curve of `item [batch]` where it was `taught`, after the answer `correct`."""
        ...


@inlined
def recall(state: CurveState, power: bool, i: int, a: int) -> float:
    """P(recall) of item a in row i now, by the power law or exponentially."""
    height, pace, age = state.height[i, a], state.pace[i, a], state.now[i] - state.shown[i, a]
    if power:
        return float(height * (1.0 + pace * age) ** -state.bend[i, a])
    return float(height * np.exp(-pace * age))


@kernel
def _p_correct(state: CurveState, power: bool, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = recall(state, power, i, item[i])


@kernel
def _mastery(state: CurveState, power: bool, out: Mastery) -> None:
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            out[i, a] = recall(state, power, i, a)


@kernel
def _show(now: Floats, fresh: Ints, shown: Floats, lessons: Ints, taught: Bools, item: Ints) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0 and taught[i]:
            shown[i, item[i]] = now[i]
            fresh[i] = item[i]
            lessons[i] += 1


@kernel
def _elapse(state: CurveState, days: Floats) -> None:
    """An item is fresh until time passes once: a later gap without practice ages it like the others."""
    for i in range(days.shape[0]):
        state.now[i] += days[i]
        if state.fresh[i] >= 0:
            state.shown[i, state.fresh[i]] = state.now[i]
            state.fresh[i] = -1


@dataclass(frozen=True, eq=False)
class DeepTutor:
    """A population of learners who forget by one law.

    Attributes
    ----------
    law : the law by which practice changes forgetting.
    course : one item a skill; thirty by default, as published.
    """

    law: Law
    course: Course = field(default_factory=lambda: Course.of(30))

    def __post_init__(self) -> None:
        if not self.course.one_to_one:
            raise reject("deeptutor.course", f"{self.course.n_items} items", "one item a skill, in order")

    def empty(self, batch: int) -> CurveState:
        """Learners on day 0 who forget nothing."""
        shape = (batch, self.course.n_items)
        return CurveState(
            now=np.zeros(batch),
            fresh=np.full(batch, -1, np.int64),
            lessons=np.zeros(batch, np.int64),
            shown=np.zeros(shape),
            height=np.ones(shape),
            pace=np.zeros(shape),
            bend=np.zeros(shape),
            trait=np.zeros(shape),
            attempts=np.zeros(shape, np.int64),
            correct=np.zeros(shape, np.int64),
        )

    def enrol(self, state: CurveState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners on day 0; they bring neither a goal nor a visible past."""
        state.now[rows] = 0.0
        state.fresh[rows] = -1
        state.lessons[rows] = 0
        self.law.draw(state, rows, luck.learner)
        return None

    def p_correct(self, state: CurveState, item: Ints, out: Floats) -> None:
        """P(recall) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state, self.law.power, item, out)

    def practise(self, state: CurveState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old state, then learn."""
        answer(self, state, item, luck, out)
        self.learn(state, item, taught, out.correct)

    def learn(self, state: CurveState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Practise `item [batch]`, once the answer `correct [batch]` is known; a tutor may replay it too."""
        _show(state.now, state.fresh, state.shown, state.lessons, taught, item)
        self.law.teach(state, item, taught, correct)

    def elapse(self, state: CurveState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass; the item just taught has age 0 afterwards, as published."""
        _elapse(state, days)

    def mastery(self, state: CurveState, out: Mastery) -> None:
        """P(recall) of each skill's item if asked now, `[batch, skills]`."""
        _mastery(state, self.law.power, out)
