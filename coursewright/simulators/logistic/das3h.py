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
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import answer, mean_of_items
from coursewright.simulators.branch_free import log, sigmoid, sigmoids
from coursewright.simulators.chances import numbers
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.logistic.intercept import Form
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
MARGIN = 1e-6  # days before an edge from which the windows are counted anew; must be more than ROUNDING


class Das3hState(NamedTuple):
    """A batch of learners.

    `alpha [batch]` is each one's own ability, `now [batch]` the day; `right`, `tried` `[batch, skills]`
    count answers of all time; `when`, `good` `[batch, skills, memory]` are the day and outcome of the
    last ones, in a ring: answer number n of a skill is at n mod memory.  `worth [batch, skills]` is what a
    skill adds to a logit now, and `until [batch, skills]` a day before any answer leaves a window: so long
    only practice changes the worth.
    """

    alpha: Floats
    now: Floats
    right: Counts
    tried: Counts
    when: Floats
    good: Bools
    worth: Floats
    until: Floats


class Constants(NamedTuple):
    """The population's constants, see `Das3h`; list a of `needed` holds the skills of item a."""

    weights: Floats
    log_count: Floats
    needed: Lists


@kernel
def _enrol(state: Das3hState, weights: Floats, spread: float, rows: Ints, learner: Keys) -> None:
    for i in rows:
        state.alpha[i] = spread * normal(learner[i], 0, ENROL)
        state.now[i] = 0.0
        for k in range(state.tried.shape[1]):
            state.right[i, k] = 0
            state.tried[i, k] = 0
            state.worth[i, k] = weights[k, 0]
            state.until[i, k] = np.inf
            for at in range(state.when.shape[2]):
                state.when[i, k, at] = 0.0
                state.good[i, k, at] = False


@inlined
def _weigh(state: Das3hState, constants: Constants, i: int, k: int) -> None:
    """Find what skill k adds to the logit of row i, and how long: from the newest answer backwards."""
    weights, log_count = constants.weights, constants.log_count
    now, tried, memory = state.now[i], state.tried[i, k], state.when.shape[2]
    kept, last = min(tried, memory), WIDTHS.shape[0] - 1
    worth, until, oldest = weights[k, 0], np.inf, np.inf
    at = tried % memory  # one beyond the answer to look at next
    a, c = 0, 0
    for w in range(last):
        while a < kept:
            before = (at if at > 0 else memory) - 1
            if now - state.when[i, k, before] >= WIDTHS[w] - ROUNDING:
                break
            oldest = state.when[i, k, before]
            c += state.good[i, k, before]
            a += 1
            at = before
        worth += weights[k, RIGHT + w] * log_count[c] - weights[k, TRIED + w] * log_count[a]
        until = min(until, oldest + WIDTHS[w] - MARGIN)
    worth += weights[k, RIGHT + last] * log(1.0 + float(state.right[i, k]))
    worth -= weights[k, TRIED + last] * log(1.0 + float(tried))
    state.worth[i, k] = worth
    state.until[i, k] = until


@kernel
def _elapse(state: Das3hState, constants: Constants, days: Floats) -> None:
    for i in range(days.shape[0]):
        state.now[i] += days[i]
        for k in range(state.until.shape[1]):
            if state.now[i] >= state.until[i, k]:
                _weigh(state, constants, i, k)


@kernel
def _p_correct(state: Das3hState, difficulty: Floats, needed: Lists, item: Ints, out: Floats) -> None:
    start, skills = needed
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        logit = state.alpha[i] - difficulty[a]
        for j in range(start[a], start[a + 1]):
            logit += state.worth[i, skills[j]]
        out[i] = sigmoid(logit)


@kernel
def _logits(state: Das3hState, difficulty: Floats, needed: Lists, out: Floats) -> None:
    """Log odds of every item, `[batch, items]`."""
    start, skills = needed
    for i in range(out.shape[0]):
        alpha = state.alpha[i]
        for a in range(out.shape[1]):
            logit = alpha - difficulty[a]
            for j in range(start[a], start[a + 1]):
                logit += state.worth[i, skills[j]]
            out[i, a] = logit


@kernel
def _record(state: Das3hState, constants: Constants, item: Ints, taught: Bools, correct: Ints) -> None:
    start, needed = constants.needed
    for i in range(item.shape[0]):
        if item[i] < 0 or not taught[i]:
            continue
        for j in range(start[item[i]], start[item[i] + 1]):
            k = needed[j]
            at = state.tried[i, k] % state.when.shape[2]
            state.when[i, k, at] = state.now[i]
            state.good[i, k, at] = correct[i] == 1
            state.tried[i, k] += 1
            state.right[i, k] += correct[i]
            _weigh(state, constants, i, k)


@kernel
def _foresee(state: Das3hState, constants: Constants, days: float, out: Floats) -> None:
    """See `intercept.OneIntercept.foresee`: each answer is tried and taken back."""
    for i in range(out.shape[0]):
        now = state.now[i]
        for k in range(out.shape[1]):
            worth, until = state.worth[i, k], state.until[i, k]
            tried, right = state.tried[i, k], state.right[i, k]
            state.now[i] = now + days
            if state.now[i] >= until:
                _weigh(state, constants, i, k)
            out[i, k, 0] = state.worth[i, k]
            at = tried % state.when.shape[2]
            when, was_good = state.when[i, k, at], state.good[i, k, at]
            for good in range(out.shape[2] - 1):
                state.when[i, k, at] = now
                state.good[i, k, at] = good == 1
                state.tried[i, k] = tried + 1
                state.right[i, k] = right + good
                _weigh(state, constants, i, k)
                out[i, k, 1 + good] = state.worth[i, k]
            state.when[i, k, at] = when
            state.good[i, k, at] = was_good
            state.tried[i, k] = tried
            state.right[i, k] = right
            state.worth[i, k] = worth
            state.until[i, k] = until
        state.now[i] = now


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
    def form(self) -> Form:
        """See `intercept.OneIntercept`."""
        return Form.of(self.course.difficulty, self.course.needed, float(self.spread))

    @cached_property
    def _constants(self) -> Constants:
        return Constants(self.weights, self.log_count, self.course.needed)

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
            worth=np.tile(self.weights[:, 0], (batch, 1)),
            until=np.full(skills, np.inf),
        )

    def enrol(self, state: Das3hState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners differ in alpha alone; they bring neither a goal nor a past."""
        _enrol(state, self.weights, float(self.spread), rows, luck.learner)
        return None

    def p_correct(self, state: Das3hState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state, self.course.difficulty, self.course.needed, item, out)

    def chances(self, state: Das3hState, out: Floats) -> None:
        """P(correct) of every item, if asked now, `[batch, items]`."""
        _logits(state, self.course.difficulty, self.course.needed, out)
        sigmoids(out)

    def practise(self, state: Das3hState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer, then remember the answer; a row that is not taught only answers."""
        answer(self, state, item, luck, out)
        self.record(state, item, taught, out.correct)

    def study(self, state: Das3hState, item: Ints, luck: Luck) -> None:
        """Nothing happens: DAS3H counts answers alone."""

    def record(self, state: Das3hState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Let the answers `correct [batch]` of the rows that are taught join their history."""
        _record(state, self._constants, item, taught, correct)

    def place(self, state: Das3hState, theta: Floats) -> None:
        """See `intercept.OneIntercept`."""
        state.alpha[:] = theta

    def foresee(self, state: Das3hState, days: float, out: Floats) -> None:
        """See `intercept.OneIntercept`."""
        _foresee(state, self._constants, days, out)

    def elapse(self, state: Das3hState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass: answers leave the windows."""
        _elapse(state, self._constants, days)

    def mastery(self, state: Das3hState, out: Mastery) -> None:
        """Mean P(correct) over the items of each skill, if asked now, `[batch, skills]`."""
        p = np.empty((len(out), self.course.n_items))
        self.chances(state, p)
        mean_of_items(p, self.course, out)
