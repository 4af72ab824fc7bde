"""Logistic learners that count: AFM, PFA and Best-LR as one model with different weights.

    logit p = theta + Σ_c [ easiness_c + opportunity_c f(s_c + n_c) + success_c f(s_c) + failure_c f(n_c)
                            + (seen_c + lag_c ln(1 + seconds since c was last practised) once c was) ]
              - difficulty_item,        theta ~ N(0, spread²) for each learner

over the counters c that the item touches: its skills, and in Best-LR also the item itself and
everything; s_c and n_c are the counter's successes and failures so far, f(x) = ln(1 + x) or x.  A
learner answers first; then the answer is counted.

- AFM (Cen, Koedinger & Junker, ITS 2006): easiness, opportunity, theta; raw counts.
- PFA (Pavlik, Cen & Koedinger, AIED 2009): easiness, success, failure.  The original counts raw; the log
  form is Gervet et al.'s (JEDM 2020).  `seen` and `lag` add forgetting in the spirit of logistic knowledge
  tracing (Pavlik, Eglington & Harrell-Williams, IEEE TLT 2021): log odds fall with the log of the time.
- Best-LR (Gervet et al. 2020): PFA, plus the item's difficulty and the counts of the item and of all.
"""

from collections.abc import Sequence
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
from coursewright.simulators.lists import Lists, pack, unpack
from coursewright.simulators.luck import ENROL, Keys, Luck, normal
from coursewright.simulators.protocol import Prologue, Response

Counts = npt.NDArray[np.int32]
COLUMNS = ("easiness", "opportunity", "success", "failure", "seen", "lag")
EASINESS, OPPORTUNITY, SUCCESS, FAILURE, SEEN, LAG = range(6)
DAY_S = 86_400.0  # seconds


class LogisticState(NamedTuple):
    """A batch of learners.

    `theta [batch]` is each one's own ability, `now [batch]` the day; `successes`, `failures`
    `[batch, counters]` the counts, `last [batch, counters]` the day of the last practice.
    """

    theta: Floats
    now: Floats
    successes: Counts
    failures: Counts
    last: Floats


@kernel
def _enrol(state: LogisticState, spread: float, rows: Ints, learner: Keys) -> None:
    for i in rows:
        state.theta[i] = spread * normal(learner[i], 0, ENROL)
        state.now[i] = 0.0
        for c in range(state.last.shape[1]):
            state.successes[i, c] = 0
            state.failures[i, c] = 0
            state.last[i, c] = 0.0


class Constants(NamedTuple):
    """The population's constants, see `Logistic`; list a of `touched` holds the counters of item a."""

    weights: Floats
    raw: bool
    difficulty: Floats
    touched: Lists


@kernel
def _chances(state: LogisticState, constants: Constants, item: Ints, out: Floats) -> None:
    (weights, raw, difficulty, touched), now = constants, state.now
    for i in range(item.shape[0]):
        for m in range(item.shape[1]):
            a = item[i, m]
            if a < 0:
                continue
            logit = state.theta[i] - difficulty[a]
            for j in range(touched.start[a], touched.start[a + 1]):
                c = touched.values[j]
                s, f = float(state.successes[i, c]), float(state.failures[i, c])
                n = s + f
                logit += weights[c, EASINESS]
                if n == 0.0:
                    continue
                logit += weights[c, SEEN]
                if weights[c, LAG] != 0.0:
                    logit += weights[c, LAG] * np.log1p(DAY_S * (now[i] - state.last[i, c]))
                if not raw:
                    n, s, f = np.log1p(n), np.log1p(s), np.log1p(f)
                logit += weights[c, OPPORTUNITY] * n + weights[c, SUCCESS] * s + weights[c, FAILURE] * f
            out[i, m] = sigmoid(logit)


@kernel
def _count(state: LogisticState, touched: Lists, item: Ints, taught: Bools, correct: Ints) -> None:
    for i in range(item.shape[0]):
        if item[i] < 0 or not taught[i]:
            continue
        for j in range(touched.start[item[i]], touched.start[item[i] + 1]):
            c = touched.values[j]
            state.successes[i, c] += correct[i]
            state.failures[i, c] += 1 - correct[i]
            state.last[i, c] = state.now[i]


@dataclass(frozen=True, eq=False)
class Logistic:
    """A population of logistic learners; `afm`, `pfa` and `best_lr` build the published ones.

    Attributes
    ----------
    course : its `difficulty` is subtracted, item by item.
    weights : `[skills, 6]` in the order of `COLUMNS`; or `[skills + items + 1, 6]`, where the counts of
        the item and, in the last row, of everything matter too.
    spread : standard deviation of theta, in logits.
    raw : f(x) = x instead of ln(1 + x).
    """

    course: Course
    weights: Floats
    spread: float = 0.0
    raw: bool = False

    def __post_init__(self) -> None:
        skills, everything = self.course.n_skills, self.course.n_skills + self.course.n_items + 1
        counters = everything if len(np.atleast_1d(self.weights)) == everything else skills
        axes = f"[skills, columns], or ({everything}, {len(COLUMNS)}) with items and everything"
        weights = numbers("logistic.weights", self.weights, (counters, len(COLUMNS)), axes)
        if not 0.0 <= self.spread < np.inf:
            raise reject("logistic.spread", self.spread, "a finite number >= 0")
        object.__setattr__(self, "weights", weights)

    @cached_property
    def touched(self) -> Lists:
        """The counters of each item: its skills, and where items are counted itself and everything."""
        skills, course = self.course.n_skills, self.course
        needed = unpack(course.needs)
        if len(self.weights) > skills:
            needed = [[*row, skills + i, len(self.weights) - 1] for i, row in enumerate(needed)]
        return pack(needed)

    @cached_property
    def _constants(self) -> Constants:
        return Constants(self.weights, bool(self.raw), self.course.difficulty, self.touched)

    def empty(self, batch: int) -> LogisticState:
        """Average learners without a past, on day 0."""
        counters = (batch, len(self.weights))
        return LogisticState(
            theta=np.zeros(batch),
            now=np.zeros(batch),
            successes=np.zeros(counters, np.int32),
            failures=np.zeros(counters, np.int32),
            last=np.zeros(counters),
        )

    def enrol(self, state: LogisticState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners differ in theta alone; they bring neither a goal nor a past."""
        _enrol(state, float(self.spread), rows, luck.learner)
        return None

    def p_correct(self, state: LogisticState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        self._chances(state, item[:, None], out[:, None])

    def practise(self, state: LogisticState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer, then count the answer; a row that is not taught only answers."""
        answer(self, state, item, luck, out)
        _count(state, self.touched, item, taught, out.correct)

    def elapse(self, state: LogisticState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass; it shows where `lag` is not 0."""
        state.now[:] += days

    def mastery(self, state: LogisticState, out: Mastery) -> None:
        """Mean P(correct) over the items of each skill, if asked now, `[batch, skills]`."""
        mean_by_skill(partial(self._chances, state), self.course, out)

    def _chances(self, state: LogisticState, item: Ints, out: Floats) -> None:
        _chances(state, self._constants, item, out)


def afm(course: Course, easiness: Sequence[float], opportunity: Sequence[float], spread: float) -> Logistic:
    """Additive factors: log odds rise by `opportunity [skills]` with each practice, right or wrong."""
    return Logistic(course, _columns(easiness=easiness, opportunity=opportunity), spread, raw=True)


def pfa(
    course: Course,
    easiness: Sequence[float],
    success: Sequence[float],
    failure: Sequence[float],
    spread: float = 0.0,
    raw: bool = False,
) -> Logistic:
    """Performance factors `[skills]`: gamma (`success`) and rho (`failure`) of Pavlik et al."""
    return Logistic(course, _columns(easiness=easiness, success=success, failure=failure), spread, raw)


def best_lr(
    course: Course,
    skill: Sequence[Sequence[float]],
    item: Sequence[Sequence[float]],
    total: Sequence[float],
    spread: float = 0.0,
) -> Logistic:
    """Best-LR: easiness, success, failure of each skill, `[skills, 3]`; the last two of each item and of all.

    Item difficulties are the course's.
    """
    counted = np.vstack([np.asarray(item, np.float64).reshape(-1, 2), np.asarray(total, np.float64)])
    own = np.column_stack([np.zeros(len(counted)), counted])
    easiness, success, failure = np.vstack([np.asarray(skill, np.float64), own]).T
    return Logistic(course, _columns(easiness=easiness, success=success, failure=failure), spread)


def _columns(**given: Sequence[float]) -> Floats:
    return np.stack(
        [np.asarray(given.get(name, np.zeros(len(given["easiness"])))) for name in COLUMNS], axis=1
    )
