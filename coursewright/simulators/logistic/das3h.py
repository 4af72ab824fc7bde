"""DAS3H: practice counts inside windows of time (Choffin, Popineau, Bourda & Vie, EDM 2019, eq. 3).

    logit p = alpha_learner - difficulty_item
              + Σ_k [ easiness_k + Σ_w ( right_kw ln(1 + c_kw) - tried_kw ln(1 + a_kw) ) ]

over the item's skills k and the windows w: one hour, 1, 7 and 30 days, and all time; c_kw right answers
and a_kw attempts younger than the window.  alpha ~ N(0, spread²).  A learner answers first, then the
answer joins the history.

The history is bounded: of each skill the last `memory` answers are kept with their times, and the counts
of all time beside them.  This is exact as long as no window of 30 days holds more; beyond, the four short
windows stop at `memory`.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import answer, mean_by_skill, sigmoid
from coursewright.simulators.chances import numbers
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import ENROL, Keys, Luck, normal
from coursewright.simulators.protocol import Prologue, Response

Counts = npt.NDArray[np.int32]
WINDOWS = ("1h", "1d", "7d", "30d", "all")
WIDTHS = np.array([1.0 / 24.0, 1.0, 7.0, 30.0, np.inf])  # days
# Days (a tenth of a millisecond) by which an age may miss the edge of a window, since floats add up: an
# answer of an hour ago is outside the hour, although 25/24 - 1 is less than 1/24.
ROUNDING = 1e-9
COLUMNS = ("easiness", *(f"right_{w}" for w in WINDOWS), *(f"tried_{w}" for w in WINDOWS))
RIGHT, TRIED = 1, 1 + len(WINDOWS)  # where those columns begin


class Das3hState(NamedTuple):
    """A batch of learners.

    `alpha [batch]` is each one's own ability, `now [batch]` the day; `right`, `tried` `[batch, skills]`
    count answers of all time; `when`, `good` `[batch, skills, memory]` are the day and outcome of the
    last ones, in a ring: answer number n of a skill is at n mod memory.
    """

    alpha: Floats
    now: Floats
    right: Counts
    tried: Counts
    when: Floats
    good: Bools


class Constants(NamedTuple):
    """The population's constants, see `Das3h`; list a of `needed` holds the skills of item a."""

    weights: Floats
    log_count: Floats
    difficulty: Floats
    needed: Lists


@kernel
def _enrol(state: Das3hState, spread: float, rows: Ints, learner: Keys) -> None:
    for i in rows:
        state.alpha[i] = spread * normal(learner[i], 0, ENROL)
        state.now[i] = 0.0
        for k in range(state.tried.shape[1]):
            state.right[i, k] = 0
            state.tried[i, k] = 0
            for at in range(state.when.shape[2]):
                state.when[i, k, at] = 0.0
                state.good[i, k, at] = False


@kernel
def _chances(state: Das3hState, constants: Constants, item: Ints, out: Floats) -> None:
    alpha, now, right, tried, when, good = state
    weights, log_count, difficulty, (start, needed) = constants
    memory, last = when.shape[2], WIDTHS.shape[0] - 1
    for i in range(item.shape[0]):
        for m in range(item.shape[1]):
            if item[i, m] < 0:
                continue
            logit = alpha[i] - difficulty[item[i, m]]
            for j in range(start[item[i, m]], start[item[i, m] + 1]):
                k = needed[j]
                logit += weights[k, 0]
                kept = min(tried[i, k], memory)
                a, c = 0, 0  # from the newest answer backwards, window by window
                for w in range(last):
                    while a < kept:
                        at = (tried[i, k] - 1 - a) % memory
                        if now[i] - when[i, k, at] >= WIDTHS[w] - ROUNDING:
                            break
                        c += good[i, k, at]
                        a += 1
                    logit += weights[k, RIGHT + w] * log_count[c] - weights[k, TRIED + w] * log_count[a]
                logit += weights[k, RIGHT + last] * np.log1p(float(right[i, k]))
                logit -= weights[k, TRIED + last] * np.log1p(float(tried[i, k]))
            out[i, m] = sigmoid(logit)


@kernel
def _record(state: Das3hState, needed: Lists, item: Ints, taught: Bools, correct: Ints) -> None:
    for i in range(item.shape[0]):
        if item[i] < 0 or not taught[i]:
            continue
        for j in range(needed.start[item[i]], needed.start[item[i] + 1]):
            k = needed.values[j]
            at = state.tried[i, k] % state.when.shape[2]
            state.when[i, k, at] = state.now[i]
            state.good[i, k, at] = correct[i] == 1
            state.tried[i, k] += 1
            state.right[i, k] += correct[i]


@dataclass(frozen=True, eq=False)
class Das3h:
    """A population of DAS3H learners.

    Attributes
    ----------
    course : its `difficulty` is delta, item by item.
    weights : `[skills, 11]` in the order of `COLUMNS`: easiness beta, then theta (`right`) and phi
        (`tried`, subtracted) of each window.
    spread : standard deviation of alpha, in logits.
    memory : the number of answers of each skill that are kept with their times.
    """

    course: Course
    weights: Floats
    spread: float = 0.0
    memory: int = 64

    def __post_init__(self) -> None:
        shape = (self.course.n_skills, len(COLUMNS))
        weights = numbers("das3h.weights", self.weights, shape, "[skills, columns]")
        if not 0.0 <= self.spread < np.inf:
            raise reject("das3h.spread", self.spread, "a finite number >= 0")
        if self.memory < 1 or int(self.memory) != self.memory:
            raise reject("das3h.memory", self.memory, "a whole number of answers >= 1")
        object.__setattr__(self, "weights", weights)

    @cached_property
    def log_count(self) -> Floats:
        """ln(1 + n) of every count n that a short window can hold: looked up, not computed, at each step."""
        return np.asarray(np.log1p(np.arange(self.memory + 1.0)))

    @cached_property
    def _constants(self) -> Constants:
        return Constants(self.weights, self.log_count, self.course.difficulty, self.course.needed)

    def empty(self, batch: int) -> Das3hState:
        """Average learners without a past, on day 0."""
        skills = (batch, self.course.n_skills)
        return Das3hState(
            alpha=np.zeros(batch),
            now=np.zeros(batch),
            right=np.zeros(skills, np.int32),
            tried=np.zeros(skills, np.int32),
            when=np.zeros((*skills, self.memory)),
            good=np.zeros((*skills, self.memory), bool),
        )

    def enrol(self, state: Das3hState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners differ in alpha alone; they bring neither a goal nor a past."""
        _enrol(state, float(self.spread), rows, luck.learner)
        return None

    def p_correct(self, state: Das3hState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        self.chances(state, item[:, None], out[:, None])

    def chances(self, state: Das3hState, item: Ints, out: Floats) -> None:
        """P(correct) of several items a learner, `[batch, asked]`."""
        _chances(state, self._constants, item, out)

    def practise(self, state: Das3hState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer, then remember the answer; a row that is not taught only answers."""
        answer(self, state, item, luck, out)
        self.record(state, item, taught, out.correct)

    def record(self, state: Das3hState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Let the answers `correct [batch]` of the rows that are taught join their history."""
        _record(state, self.course.needed, item, taught, correct)

    def elapse(self, state: Das3hState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass: answers leave the windows."""
        state.now[:] += days

    def mastery(self, state: Das3hState, out: Mastery) -> None:
        """Mean P(correct) over the items of each skill, if asked now, `[batch, skills]`."""
        mean_by_skill(partial(self.chances, state), self.course, out)
