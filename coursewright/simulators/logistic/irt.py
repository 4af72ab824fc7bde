"""Item response theory with growth: the three-parameter model, and abilities that rise with practice.

    P(correct) = c_i + (1 - c_i) / (1 + exp(-a_i (ability - b_i)))                Birnbaum 1968, 3PL
    ability_k(n) = start_k + growth_k ln(1 + n),    n practices of skill k so far
    start_k = mean_k + theta + theta_k,    theta ~ N(0, spread²), theta_k ~ N(0, skill_spread²)

An item that needs several skills asks for the mean of their abilities.  Growth with the logarithm of
practice is the power law of practice (Newell & Rosenbloom 1981) on the odds of a right answer: each
doubling of practice multiplies them by the same factor, here 2^growth for a = 1, c = 0.  A learner answers
from the old ability, then grows.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import answer, mean_by_skill
from coursewright.simulators.branch_free import log, sigmoid
from coursewright.simulators.chances import numbers
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.logistic.intercept import Form
from coursewright.simulators.luck import ENROL, Keys, Luck, normal
from coursewright.simulators.protocol import Prologue, Response

COLUMNS = ("discrimination", "guess")
DISCRIMINATION, GUESS = range(2)


class IrtState(NamedTuple):
    """A batch of learners: `start [batch, skills]` ability on arrival, `practices [batch, skills]` since."""

    start: Floats
    practices: Ints


class Arrival(NamedTuple):
    """Abilities of new learners: the `mean [skills]`, and the spreads of learners and skills around it."""

    mean: Floats
    spread: float
    skill_spread: float


class Constants(NamedTuple):
    """The constants of the population's answers; list a of `needed` holds the skills of item a."""

    growth: Floats
    shape: Floats
    difficulty: Floats
    needed: Lists


@kernel
def _enrol(state: IrtState, arrival: Arrival, rows: Ints, learner: Keys) -> None:
    for i in rows:
        theta = arrival.spread * normal(learner[i], 0, ENROL)
        for k in range(state.start.shape[1]):
            own = arrival.skill_spread * normal(learner[i], 0, ENROL + 2 + 2 * k)
            state.start[i, k] = arrival.mean[k] + theta + own
            state.practices[i, k] = 0


@inlined
def _p_item(state: IrtState, constants: Constants, i: int, a: int) -> float:
    growth, shape, difficulty, (first, needed) = constants
    ability = 0.0
    for j in range(first[a], first[a + 1]):
        k = needed[j]
        ability += state.start[i, k] + growth[k] * log(1.0 + state.practices[i, k])
    ability /= first[a + 1] - first[a]
    known = sigmoid(shape[a, DISCRIMINATION] * (ability - difficulty[a]))
    return float(shape[a, GUESS] + (1.0 - shape[a, GUESS]) * known)


@kernel
def _p_correct(state: IrtState, constants: Constants, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = _p_item(state, constants, i, item[i])


@kernel
def _chances(state: IrtState, constants: Constants, out: Floats | Mastery) -> None:
    """P(correct) of every item, `[batch, items]`."""
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            out[i, a] = _p_item(state, constants, i, a)


@kernel
def _grow(practices: Ints, needed: Lists, item: Ints, taught: Bools) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0 and taught[i]:
            for j in range(needed.start[item[i]], needed.start[item[i] + 1]):
                practices[i, needed.values[j]] += 1


@kernel
def _foresee(mean: Floats, practices: Ints, growth: Floats, out: Floats) -> None:
    """See `intercept.OneIntercept.foresee`: a wrong answer is practice as a right one is."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k, 0] = mean[k] + growth[k] * log(1.0 + practices[i, k])
            for then in range(1, out.shape[2]):
                out[i, k, then] = mean[k] + growth[k] * log(2.0 + practices[i, k])


@dataclass(frozen=True, eq=False)
class Irt:
    """A population of IRT learners whose abilities grow.

    Attributes
    ----------
    course : its `difficulty` is b, item by item.
    mean, growth : `[skills]`, average ability on arrival, and its rise with ln(1 + practices).
    discrimination, guess : `[items]`, a > 0 and c in [0, 1).
    spread, skill_spread : standard deviation of ability between learners, and of each skill's own part.
    """

    course: Course
    mean: Floats
    growth: Floats
    discrimination: Floats
    guess: Floats
    spread: float = 1.0
    skill_spread: float = 0.0

    def __post_init__(self) -> None:
        sizes = {"mean": self.course.n_skills, "growth": self.course.n_skills}
        sizes |= {"discrimination": self.course.n_items, "guess": self.course.n_items}
        for field, size in sizes.items():
            axis = "[items]" if field in COLUMNS else "[skills]"
            object.__setattr__(self, field, numbers(f"irt.{field}", getattr(self, field), (size,), axis))
        if not np.min(self.discrimination) > 0.0:
            raise reject("irt.discrimination", np.min(self.discrimination), "above 0")
        if not (np.min(self.guess) >= 0.0 and np.max(self.guess) < 1.0):
            raise reject("irt.guess", self.guess, "probabilities in [0, 1)")
        for field in ("spread", "skill_spread"):
            if not 0.0 <= getattr(self, field) < np.inf:
                raise reject(f"irt.{field}", getattr(self, field), "a finite number >= 0")

    @property
    def shape(self) -> Floats:
        """Discrimination and guess of each item, `[items, 2]`."""
        return np.stack([self.discrimination, self.guess], axis=1)

    def empty(self, batch: int) -> IrtState:
        """Learners of ability 0 without practice."""
        shape = (batch, self.course.n_skills)
        return IrtState(start=np.zeros(shape), practices=np.zeros(shape, np.int64))

    def enrol(self, state: IrtState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners differ in ability; they bring neither a goal nor a past."""
        arrival = Arrival(self.mean, float(self.spread), float(self.skill_spread))
        _enrol(state, arrival, rows, luck.learner)
        return None

    def p_correct(self, state: IrtState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state, self._constants, item, out)

    def practise(self, state: IrtState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old ability, then grow; a row that is not taught only answers."""
        answer(self, state, item, luck, out)
        self.record(state, item, taught, out.correct)

    def record(self, state: IrtState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Grow where a row is taught, whatever was answered."""
        _grow(state.practices, self.course.needed, item, taught)

    def place(self, state: IrtState, theta: Floats) -> None:
        """See `intercept.OneIntercept`; no skill has a part of its own."""
        state.start[:] = self.mean + theta[:, None]

    def foresee(self, state: IrtState, days: float, out: Floats) -> None:
        """See `intercept.OneIntercept`."""
        _foresee(self.mean, state.practices, self.growth, out)

    def elapse(self, state: IrtState, days: Floats, luck: Luck) -> None:
        """Nothing: these learners do not forget."""

    def mastery(self, state: IrtState, out: Mastery) -> None:
        """Mean P(correct) over the items of each skill, if asked now, `[batch, skills]`."""
        mean_by_skill(partial(_chances, state, self._constants), self.course, out)

    @cached_property
    def form(self) -> Form | None:
        """See `intercept.OneIntercept`; None where each skill has a part of its own."""
        course = self.course
        if self.skill_spread > 0.0:
            return None
        share = 1.0 / np.diff(course.needed.start)
        shape = self.discrimination, self.guess
        return Form(course.difficulty, *shape, share, course.needed, float(self.spread))

    @cached_property
    def _constants(self) -> Constants:
        return Constants(self.growth, self.shape, self.course.difficulty, self.course.needed)
