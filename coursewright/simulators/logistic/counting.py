"""Logistic learners that count: AFM, PFA, Best-LR and `practice` as one model with different weights.

    logit p = theta + Σ_c [ easiness_c + opportunity_c f(e_c) + success_c f(s_c) + failure_c f(n_c)
                            + (seen_c + last_c + lag_c x + Σ_k lag_c,k max(0, x - x_k), once c was met) ]
              - difficulty_item,        theta ~ N(0, spread²) for each learner

over the counters c that the item touches: its skills, in `practice` also the item itself, and in Best-LR
everything too; e_c, s_c and n_c are the counter's exposures, successes and failures so far, f(x) = ln(1 + x)
or x.  An exposure is an answer, or a study row of a log, which is neither success nor failure.  last_c is
right_last_c or wrong_last_c, by the last answer that was counted.  x = ln(1 + seconds since c was last
practised), and x_k is its value at 10 s, 1 min, 10 min, 1 h and 1 d: there forgetting may change its pace.  A
learner answers first; then the answer is counted.

- AFM (Cen, Koedinger & Junker, ITS 2006): easiness, opportunity, theta; raw counts.
- PFA (Pavlik, Cen & Koedinger, AIED 2009): easiness, success, failure.  The original counts raw; the log
  form is Gervet et al.'s (JEDM 2020).  `seen` and `lag` add forgetting in the spirit of logistic knowledge
  tracing (Pavlik, Eglington & Harrell-Williams, IEEE TLT 2021): log odds fall with the log of the time.
- Best-LR (Gervet et al. 2020): PFA, plus the item's difficulty and the counts of the item and of all.
- `practice`: easiness and opportunity of skills and their lag, bent where it must be; difficulty, opportunity
  and the last answer of items.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, mean_of_items, respond, told
from coursewright.simulators.branch_free import sigmoid, sigmoids
from coursewright.simulators.chances import numbers
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists, pack, unpack
from coursewright.simulators.logistic.intercept import Form
from coursewright.simulators.logistic.selection import NONE, Selection
from coursewright.simulators.logistic.worth import (
    BENDS,
    BENT,
    COLUMNS,
    EASINESS,
    LAG,
    OPPORTUNITY,
    PLAIN,
    SEEN,
    Constants,
    LogisticState,
    bent_lag,
    lag,
    lag_after,
    term,
    worth,
)
from coursewright.simulators.luck import ENROL, Keys, Luck, normal
from coursewright.simulators.protocol import Prologue, Response


@kernel
def _enrol(state: LogisticState, weights: Floats, spread: float, rows: Ints, learner: Keys) -> None:
    for i in rows:
        state.theta[i] = spread * normal(learner[i], 0, ENROL)
        state.now[i] = 0.0
        for c in range(state.last.shape[1]):
            state.exposures[i, c] = 0
            state.successes[i, c] = 0
            state.failures[i, c] = 0
            state.last[i, c] = 0.0
            state.worth[i, c] = weights[c, EASINESS]


@inlined
def _p_item(state: LogisticState, constants: Constants, i: int, a: int) -> float:
    logit, weights = state.theta[i] - constants.difficulty[a], constants.weights
    for j in range(constants.start[a], constants.start[a + 1]):
        c = constants.touched[j]
        logit += state.worth[i, c]
        if c < constants.lagged:
            logit += bent_lag(state, weights, i, c) if constants.bent else lag(state, weights, i, c)
    return sigmoid(logit)


@kernel
def _p_correct(state: LogisticState, constants: Constants, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = _p_item(state, constants, i, item[i])


@inlined
def _count(state: LogisticState, constants: Constants, i: int, a: int, right: int) -> None:
    """Count row i's answer to item a."""
    for j in range(constants.start[a], constants.start[a + 1]):
        c = constants.touched[j]
        state.exposures[i, c] += 1
        state.successes[i, c] += right
        state.failures[i, c] += 1 - right
        state.last[i, c] = state.now[i]
        n, s, f = state.exposures[i, c], state.successes[i, c], state.failures[i, c]
        state.worth[i, c] = worth(constants, c, float(n), float(s), float(f), right)


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
        _count(state, constants, i, a, right)


@kernel
def _record(
    learners: tuple[Any, ...], item: Ints, bare: tuple[Any, ...], taught: Bools, correct: Ints
) -> None:
    state, constants = LogisticState(*learners), Constants(*bare)
    for i in range(item.shape[0]):
        if item[i] >= 0 and taught[i]:
            _count(state, constants, i, item[i], correct[i])


@kernel
def _study(learners: tuple[Any, ...], item: Ints, bare: tuple[Any, ...]) -> None:
    state, constants = LogisticState(*learners), Constants(*bare)
    weights, raw = constants.weights, constants.raw
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        for j in range(constants.start[a], constants.start[a + 1]):
            c = constants.touched[j]
            n = float(state.exposures[i, c])
            more = term(weights[c, OPPORTUNITY], n + 1.0, raw) - term(weights[c, OPPORTUNITY], n, raw)
            state.worth[i, c] += more + (weights[c, SEEN] if n == 0.0 else 0.0)
            state.exposures[i, c] += 1
            state.last[i, c] = state.now[i]


@kernel
def _logits(state: LogisticState, constants: Constants, shown: Floats, out: Floats) -> None:
    """Log odds of every item, `[batch, items]`; `shown [counters]` is room for one row's counters."""
    difficulty, start, touched = constants.difficulty, constants.start, constants.touched
    for i in range(out.shape[0]):
        theta = state.theta[i]
        for c in range(shown.shape[0]):
            shown[c] = state.worth[i, c]
        if constants.bent:
            for c in range(constants.lagged):
                shown[c] += bent_lag(state, constants.weights, i, c)
        else:
            for c in range(constants.lagged):
                shown[c] += lag(state, constants.weights, i, c)
        for a in range(out.shape[1]):
            logit = theta - difficulty[a]
            for j in range(start[a], start[a + 1]):
                logit += shown[touched[j]]
            out[i, a] = logit


@kernel
def _foresee(state: LogisticState, constants: Constants, days: float, out: Floats) -> None:
    """See `intercept.OneIntercept.foresee`."""
    for i in range(out.shape[0]):
        now = state.now[i]
        state.now[i] += days  # for the lags alone
        for c in range(out.shape[1]):
            n, s, f = state.exposures[i, c], state.successes[i, c], state.failures[i, c]
            out[i, c, 0] = state.worth[i, c] + bent_lag(state, constants.weights, i, c)
            fresh = lag_after(constants.weights, c, days)
            for right in range(out.shape[2] - 1):
                after = worth(constants, c, n + 1.0, float(s + right), float(f + 1 - right), right)
                out[i, c, 1 + right] = after + fresh
        state.now[i] = now


@dataclass(frozen=True, eq=False)
class Logistic:
    """A population of logistic learners; `afm`, `pfa` and `best_lr` build the published ones.

    Attributes
    ----------
    course : its `difficulty` is subtracted, item by item.
    weights : `[skills, columns]` in the order of `COLUMNS`, of which those after the first six may be left
        out; `[skills + items, columns]` where the counts of the item matter too, and one row more for
        those of everything.
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
        skills, items = self.course.n_skills, self.course.n_items
        rows, columns = np.atleast_2d(self.weights).shape[:2]
        counters = rows if rows in (skills + items, skills + items + 1) else skills
        columns = columns if columns == len(COLUMNS) else len(PLAIN)
        more = f"{skills + items} with items, {skills + items + 1} with everything; {len(COLUMNS)} columns"
        axes = f"[skills, columns], or ({more} with bends and last answers)"
        given = numbers("logistic.weights", self.weights, (counters, columns), axes)
        weights = np.zeros((counters, len(COLUMNS)))
        weights[:, :columns] = given
        weights.setflags(write=False)
        if not 0.0 <= self.spread < np.inf:
            raise reject("logistic.spread", self.spread, "a finite number >= 0")
        self.selection.check(self.spread)
        object.__setattr__(self, "weights", weights)

    @cached_property
    def touched(self) -> Lists:
        """The counters of each item: its skills, and where they are counted itself and everything."""
        skills, everything = self.course.n_skills, self.course.n_skills + self.course.n_items
        needed = unpack(self.course.needs)
        if len(self.weights) > skills:
            needed = [[*row, skills + i] for i, row in enumerate(needed)]
        if len(self.weights) > everything:
            needed = [[*row, everything] for row in needed]
        return pack(needed)

    @cached_property
    def form(self) -> Form:
        """See `intercept.OneIntercept`."""
        return Form.of(self.course.difficulty, self.touched, float(self.spread))

    @cached_property
    def _constants(self) -> Constants:
        weights, course = self.weights, self.course
        bent = weights[:, BENT : BENT + len(BENDS)] != 0.0
        lags = np.flatnonzero((weights[:, LAG] != 0.0) | bent.any(axis=1))
        lagged = int(lags.max(initial=-1)) + 1
        shape = bool(self.raw), lagged, bool(bent.any())
        return Constants(weights, *shape, course.difficulty, course.minutes, *self.touched)

    def empty(self, batch: int) -> LogisticState:
        """Average learners without a past, on day 0."""
        counters = (batch, len(self.weights))
        return LogisticState(
            theta=np.zeros(batch),
            now=np.zeros(batch),
            exposures=np.zeros(counters, np.int32),
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

    def record(self, state: LogisticState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Count the answers `correct [batch]` of the rows that are taught."""
        _record(tuple(state), item, tuple(self._constants), taught, correct)

    def place(self, state: LogisticState, theta: Floats) -> None:
        """See `intercept.OneIntercept`."""
        state.theta[:] = theta

    def foresee(self, state: LogisticState, days: float, out: Floats) -> None:
        """See `intercept.OneIntercept`."""
        _foresee(state, self._constants, days, out)

    def study(self, state: LogisticState, item: Ints, luck: Luck) -> None:
        """Show `item [batch]` (-1: none) without asking: one more opportunity, and no answer."""
        _study(tuple(state), item, tuple(self._constants))

    def elapse(self, state: LogisticState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass; it shows where `lag` is not 0."""
        state.now[:] += days

    def mastery(self, state: LogisticState, out: Mastery) -> None:
        """Mean P(correct) over the items of each skill, if asked now, `[batch, skills]`."""
        p = np.empty((len(out), self.course.n_items))
        _logits(state, self._constants, np.empty(len(self.weights)), p)
        sigmoids(p)
        mean_of_items(p, self.course, out)
