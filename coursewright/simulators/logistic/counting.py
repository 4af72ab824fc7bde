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
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, mean_of_items, respond, told
from coursewright.simulators.branch_free import log, sigmoid, sigmoids
from coursewright.simulators.chances import numbers
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists, pack, unpack
from coursewright.simulators.logistic.selection import NONE, Selection
from coursewright.simulators.luck import ENROL, Keys, Luck, normal
from coursewright.simulators.protocol import Prologue, Response

Counts = npt.NDArray[np.int32]
COLUMNS = ("easiness", "opportunity", "success", "failure", "seen", "lag")
EASINESS, OPPORTUNITY, SUCCESS, FAILURE, SEEN, LAG = range(6)
DAY_S = 86_400.0  # seconds


class LogisticState(NamedTuple):
    """A batch of learners.

    `theta [batch]` is each one's own ability, `now [batch]` the day; `successes`, `failures`
    `[batch, counters]` the counts, `last [batch, counters]` the day of the last practice, and
    `worth [batch, counters]` the sum that a counter adds to a logit, its lag apart.
    """

    theta: Floats
    now: Floats
    successes: Counts
    failures: Counts
    last: Floats
    worth: Floats


class Constants(NamedTuple):
    """The population's constants, see `Logistic`, and the `minutes [items]` of the course.

    `lags` is True where any weight of a lag is not 0; the counters of item a are
    `touched[start[a]:start[a + 1]]`.
    """

    weights: Floats
    raw: bool
    lags: bool
    difficulty: Floats
    minutes: Floats
    start: Ints
    touched: Ints


@kernel
def _enrol(state: LogisticState, weights: Floats, spread: float, rows: Ints, learner: Keys) -> None:
    for i in rows:
        state.theta[i] = spread * normal(learner[i], 0, ENROL)
        state.now[i] = 0.0
        for c in range(state.last.shape[1]):
            state.successes[i, c] = 0
            state.failures[i, c] = 0
            state.last[i, c] = 0.0
            state.worth[i, c] = weights[c, EASINESS]


@inlined
def _term(weight: float, count: float, raw: bool) -> float:
    """Weight times f(count); most models weigh some counts with 0 and need no logarithm of them."""
    if weight == 0.0:
        return 0.0
    return weight * (count if raw else log(1.0 + count))


@inlined
def _worth(constants: Constants, c: int, s: float, f: float) -> float:
    """The part of counter c in a logit after s successes and f failures, at least one of either."""
    weights, raw = constants.weights, constants.raw
    tried = _term(weights[c, OPPORTUNITY], s + f, raw)
    answered = _term(weights[c, SUCCESS], s, raw) + _term(weights[c, FAILURE], f, raw)
    return float(weights[c, EASINESS] + weights[c, SEEN] + tried + answered)


@inlined
def _lag(state: LogisticState, weights: Floats, i: int, c: int) -> float:
    """The part of the time since counter c's last practice in the logit of row i: 0 before the first."""
    seen = state.successes[i, c] + state.failures[i, c] > 0
    lag = weights[c, LAG] * log(1.0 + DAY_S * (state.now[i] - state.last[i, c]))
    return lag if seen else 0.0


@inlined
def _p_item(state: LogisticState, constants: Constants, i: int, a: int) -> float:
    logit = state.theta[i] - constants.difficulty[a]
    for j in range(constants.start[a], constants.start[a + 1]):
        c = constants.touched[j]
        logit += (
            state.worth[i, c] + _lag(state, constants.weights, i, c) if constants.lags else state.worth[i, c]
        )
    return sigmoid(logit)


@kernel
def _p_correct(state: LogisticState, constants: Constants, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = _p_item(state, constants, i, item[i])


@kernel
def _practise(
    learners: tuple[Any, ...], item: Ints, bare: tuple[Any, ...], taught: Bools, answers: tuple[Any, ...]
) -> None:
    # Named in here: a call with a NamedTuple costs five times what a call with a tuple does.
    state, constants, out = LogisticState(*learners), Constants(*bare), Answers(*answers)
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        right = respond(i, _p_item(state, constants, i, a), constants.minutes[a], out)
        if not taught[i]:
            continue
        for j in range(constants.start[a], constants.start[a + 1]):
            c = constants.touched[j]
            state.successes[i, c] += right
            state.failures[i, c] += 1 - right
            state.last[i, c] = state.now[i]
            state.worth[i, c] = _worth(
                constants, c, float(state.successes[i, c]), float(state.failures[i, c])
            )


@kernel
def _logits(state: LogisticState, constants: Constants, shown: Floats, out: Floats) -> None:
    """Log odds of every item, `[batch, items]`; `shown [counters]` is room for one row's counters."""
    difficulty, start, touched = constants.difficulty, constants.start, constants.touched
    for i in range(out.shape[0]):
        theta = state.theta[i]
        for c in range(shown.shape[0]):
            shown[c] = state.worth[i, c]
        if constants.lags:
            for c in range(shown.shape[0]):
                shown[c] += _lag(state, constants.weights, i, c)
        for a in range(out.shape[1]):
            logit = theta - difficulty[a]
            for j in range(start[a], start[a + 1]):
                logit += shown[touched[j]]
            out[i, a] = logit


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
    selection : the part of theta that goes with how long a learner stays, for replays of a log.
    """

    course: Course
    weights: Floats
    spread: float = 0.0
    raw: bool = False
    selection: Selection = NONE

    def __post_init__(self) -> None:
        skills, everything = self.course.n_skills, self.course.n_skills + self.course.n_items + 1
        counters = everything if len(np.atleast_1d(self.weights)) == everything else skills
        axes = f"[skills, columns], or ({everything}, {len(COLUMNS)}) with items and everything"
        weights = numbers("logistic.weights", self.weights, (counters, len(COLUMNS)), axes)
        if not 0.0 <= self.spread < np.inf:
            raise reject("logistic.spread", self.spread, "a finite number >= 0")
        self.selection.check(self.spread)
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
        lags, course = bool((self.weights[:, LAG] != 0.0).any()), self.course
        return Constants(self.weights, bool(self.raw), lags, course.difficulty, course.minutes, *self.touched)

    def empty(self, batch: int) -> LogisticState:
        """Average learners without a past, on day 0."""
        counters = (batch, len(self.weights))
        return LogisticState(
            theta=np.zeros(batch),
            now=np.zeros(batch),
            successes=np.zeros(counters, np.int32),
            failures=np.zeros(counters, np.int32),
            last=np.zeros(counters),
            worth=np.tile(self.weights[:, EASINESS], (batch, 1)),
        )

    def enrol(self, state: LogisticState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners differ in theta alone; they bring neither a goal nor a past."""
        _enrol(state, self.weights, float(self.spread), rows, luck.learner)
        return None

    def enrol_staying(self, state: LogisticState, rows: Ints, luck: Luck, n_rows: Ints) -> Prologue | None:
        """The same for learners who stay for `n_rows [rows]` rows of a log."""
        _enrol(state, self.weights, self.selection.rest(self.spread), rows, luck.learner)
        state.theta[rows] += self.selection.expected(n_rows)
        return None

    def p_correct(self, state: LogisticState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state, self._constants, item, out)

    def practise(self, state: LogisticState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer, then count the answer; a row that is not taught only answers."""
        _practise(tuple(state), item, tuple(self._constants), taught, told(luck, out))

    def elapse(self, state: LogisticState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass; it shows where `lag` is not 0."""
        state.now[:] += days

    def mastery(self, state: LogisticState, out: Mastery) -> None:
        """Mean P(correct) over the items of each skill, if asked now, `[batch, skills]`."""
        p = np.empty((len(out), self.course.n_items))
        _logits(state, self._constants, np.empty(len(self.weights)), p)
        sigmoids(p)
        mean_of_items(p, self.course, out)


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
