"""FSRS-6 fitted to a review log: the weights that predict whether an item is still known.

Fits minimise the log loss of reviews at least a day after the last one of the same item (on the same day R
is 1, which says nothing), plus `pull` times sum(((w - default) / sd)^2), as in the optimizer that Anki uses;
sd are the spreads of each weight between learners that it publishes.  Some weights are told so little apart
(w8 and w10 above all) that a pull of that strength still moves them by their standard error and more at
80,000 reviews; beyond `FADES` reviews it therefore fades with their number, and is gone in large logs.

py-fsrs 6.3 has an optimizer too, as an extra: mini batches of Adam through torch, review by review.  The
exact gradient here takes less than a hundredth of its time, and predicted one learner's later reviews better
(`README.md`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from coursewright.errors import InputError, reject
from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.fitting.descent import lowest
from coursewright.fitting.memory.fsrs_slopes import gradients_at, room, trace, whole
from coursewright.fitting.memory.reviews import Reviews, reviews_of, share
from coursewright.fitting.model import Estimates, Teaching
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.memory.fsrs import (
    AGAIN,
    FIRST_GRADES,
    HIGHEST,
    LOWEST,
    RIGHT_GRADES,
    WEIGHTS,
    Fsrs,
)
from coursewright.simulators.memory.tables import write_memory

# Spread of each weight between learners (open-spaced-repetition/fsrs-optimizer 6, DEFAULT_PARAMS_STDDEV).
# fmt: off
SPREAD = (6.43, 9.66, 17.58, 27.85, 0.57, 0.28, 0.6, 0.12, 0.39, 0.18, 0.33,
          0.3, 0.09, 0.16, 0.57, 0.25, 1.03, 0.31, 0.32, 0.14, 0.27)
# fmt: on
FADES = 1_000  # scored reviews up to which the pull has its full strength
CALENDAR = "The learners taught count whole 24 hours, and not the calendar days of this fit."
MANY_REVIEWS = 400  # below it the weights are mostly the defaults


@dataclass(frozen=True)
class FsrsModel:
    """The settings of a fit.

    `fixed` are the numbers of weights that stay at their defaults; `pull` is the strength that draws others
    to them (1 as in Anki, 0 not at all; from 1,000 scored reviews on it fades with their number); `recency`
    lets the newest review count four times as much as the oldest, as Anki does; `grades` says whether the
    log's grades are read (else right is Good); `iterations` ends the search.  `calendar` counts days as Anki
    does, by midnights of the log's clock (see `zone` in `log=anki`), and not by 24 hours as py-fsrs does.
    """

    fixed: Sequence[int] = ()
    pull: float = 1.0
    recency: bool = True
    grades: bool = True
    iterations: int = 500
    calendar: bool = False

    needs_times: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for k in self.fixed:
            if not 0 <= k < len(WEIGHTS):
                raise reject("model.fixed", k, f"numbers of weights, 0 to {len(WEIGHTS) - 1}")
        if not 0.0 <= self.pull < np.inf:
            raise reject("model.pull", self.pull, "a finite number >= 0")
        if self.iterations < 1:
            raise reject("model.iterations", self.iterations, "at least 1")

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "FSRS-6"

    def fit(self, log: Coded) -> "FittedFsrs":
        """Fit to `log` by L-BFGS from the defaults, within py-fsrs's bounds.

        Raises `InputError` where no item was reviewed a day or more after its last review.
        """
        reviews = reviews_of(log, self.grades)
        problem = Problem.of(reviews, self.pull, self.recency, self.calendar)
        free = np.setdiff1d(np.arange(len(WEIGHTS)), np.array(self.fixed, np.int64))
        told = free[problem.data_gradient(np.array(WEIGHTS))[free] != 0.0]
        weights, converged = problem.solve(told, self.iterations)
        right_later = ~reviews.first & (reviews.correct == 1)
        return FittedFsrs(
            settings=self,
            course=course_of(log),
            weights=weights,
            standard_errors=problem.standard_errors(weights, told),
            untold=tuple(np.setdiff1d(free, told).tolist()),
            converged=converged,
            scored=int((problem.outcome >= 0).sum()),
            first_grades=_shares(reviews.grade[reviews.first], FIRST_GRADES),
            right_grades=_shares(reviews.grade[right_later] - AGAIN, RIGHT_GRADES),
            same_day=_same_day(reviews, problem.days),
        )


@dataclass(frozen=True, eq=False)
class Problem:
    """The function to minimise; `days` are whole, `outcome` is -1 for an unscored review, `[reviews]`."""

    reviews: Reviews
    days: Floats
    outcome: Ints
    weight: Floats
    pull: float

    @classmethod
    def of(cls, reviews: Reviews, pull: float, recency: bool, calendar: bool = False) -> "Problem":
        """The reviews to be predicted: those a day or more after the last one of the same item."""
        days = whole(reviews.dates if calendar else reviews.gap)
        outcome = np.where(days >= 1.0, reviews.correct, -1)
        if not (outcome >= 0).any():
            raise InputError(
                "log.time = no review a day or more after the last of its item: FSRS needs some; "
                "model=hlr and model=act_r take shorter times"
            )
        fading = min(1.0, FADES / int((outcome >= 0).sum()))
        return cls(reviews, days, outcome, _weight(reviews.day, outcome >= 0, recency), pull * fading)

    def data_gradient(self, w: Floats) -> Floats:
        """The gradient `[21]` without the pull; exactly 0 where the log does not tell a weight."""
        return np.asarray(self._at(w)[1].sum(axis=0))

    def at(self, w: Floats) -> tuple[float, Floats]:
        """The value to minimise, in nats, and its gradient `[21]`."""
        nats, slopes = self._at(w)
        away = (w - np.array(WEIGHTS)) / SPREAD
        gradient = slopes.sum(axis=0) + 2.0 * self.pull * away / SPREAD
        return nats + self.pull * float(away @ away), gradient

    def _at(self, w: Floats) -> tuple[float, Floats]:
        reviews = self.reviews
        return gradients_at(w, reviews.start, self.days, reviews.grade, self.outcome, self.weight)

    def solve(self, free: Ints, iterations: int) -> tuple[Floats, bool]:
        """The weights `[21]`, of which only `free` move, and whether the search ended by itself."""
        spread, middle, n = np.array(SPREAD)[free], np.array(WEIGHTS), (self.outcome >= 0).sum()

        def mean(x: Floats) -> tuple[float, Floats]:
            nats, slope = self.at(_moved(middle, free, x * spread))
            return nats / n, slope[free] * spread / n

        bounds = [((LOWEST[k] - middle[k]) / SPREAD[k], (HIGHEST[k] - middle[k]) / SPREAD[k]) for k in free]
        x, converged = lowest(mean, np.zeros(len(free)), iterations, bounds)
        return np.clip(_moved(middle, free, x * spread), LOWEST, HIGHEST), converged

    def standard_errors(self, w: Floats, free: Ints) -> Floats:
        """Standard errors `[21]`; nan where a weight is not free or at a bound.

        From the spread of the histories' gradients (Berndt, Hall, Hall & Hausman 1974): FSRS has kinks, at
        which second derivatives mislead.  Approximate, since old reviews may count less.
        """
        inside = free[~at_bound(w)[free]]
        spread = np.array(SPREAD)[inside]
        scores = self._at(w)[1][:, inside] * spread
        information = scores.T @ scores + 2.0 * self.pull * np.eye(len(inside))
        errors = np.full(len(w), np.nan)
        errors[inside] = np.sqrt(np.diag(np.linalg.pinv(information, hermitian=True))) * spread
        return errors


@dataclass(frozen=True, eq=False)
class FittedFsrs:
    """Weights fitted to a log.

    `weights` and `standard_errors` are `[21]`; `untold` are free weights of which the log says nothing (they
    stay at their defaults); `scored` counts the reviews that were predicted.  The shares of first grades, of
    grades of later right answers, and of right answers within a day describe the log for the simulator.
    """

    settings: FsrsModel
    course: Course
    weights: Floats
    standard_errors: Floats
    untold: tuple[int, ...]
    converged: bool
    scored: int
    first_grades: tuple[float, ...]
    right_grades: tuple[float, ...]
    same_day: float

    @property
    def teaching(self) -> Teaching:
        """See `read_fsrs`."""
        return Teaching(task="recall", simulator="fitted_fsrs")

    def estimates(self) -> Estimates:
        """w0..w20, the shares of grades, and P(correct) within a day."""
        first = [f"first_grades[{at}]" for at in range(4)]
        right = [f"right_grades[{at}]" for at in range(3)]
        names = (*(f"w{k}" for k in range(len(WEIGHTS))), *first, *right, "same_day")
        values = [*self.weights, *self.first_grades, *self.right_grades, self.same_day]
        return Estimates(names, np.array(values))

    def warnings(self) -> Sequence[str]:
        """The gaps that the log left in the fit, one line each."""
        kept = {*self.settings.fixed, *self.untold}
        bound = [k for k in np.flatnonzero(at_bound(self.weights)).tolist() if k not in kept]
        lines = []
        if self.scored < MANY_REVIEWS:
            lines.append(f"only {self.scored} reviews a day or more after the last: mostly the defaults")
        if self.untold:
            lines.append(
                f"the log says nothing of these weights, which stay as they were: {_ws(self.untold)}"
            )
        if bound:
            lines.append(f"at a bound: {_ws(bound)}")
        if not self.converged:
            lines.append(f"the search did not converge in {self.settings.iterations} iterations")
        return lines

    def undetermined(self) -> Sequence[str]:
        """Weights that answers tell hardly or not at all."""
        return [
            "w8 and w10, w4 to w6, and w11 to w14 are told in combination far better than one by one: a "
            "mistake in one makes up for that in another.  No log tells much of w7, w12 and w18.  What a "
            f"log hardly tells stays near the defaults while it has few reviews (here {self.scored:,} a "
            "day or more after the last; the pull fades beyond 1,000).",
            "All learners are alike, by assumption: `spread` of the simulator is 0 in the learners taught.",
            *([CALENDAR] if self.settings.calendar else []),
        ]

    def predict(self, log: Coded) -> Floats:
        """P(correct) `[rows]`: R, or the log's shares at first meetings and within a day."""
        reviews = reviews_of(log, self.settings.grades)
        days = whole(reviews.dates if self.settings.calendar else reviews.gap)
        traced = room(len(days))
        trace(self.weights, reviews.start, days, reviews.grade, traced)
        recalled = traced.recalled
        recalled[days < 1.0] = self.same_day
        recalled[reviews.first] = 1.0 - self.first_grades[0]
        return reviews.in_rows(recalled)

    def simulator(self) -> Fsrs:
        """Learners with these weights, over the log's items."""
        return Fsrs(
            self.course,
            self.weights,
            first_grades=self.first_grades,
            right_grades=self.right_grades,
            same_day=self.same_day,
        )

    def write(self, folder: Path) -> None:
        """Write the tables that `read_fsrs` reads."""
        write_memory(folder, "fsrs", self.estimates(), self.course)


def at_bound(w: Floats) -> Bools:
    """True where a weight lies at one of its bounds, `[21]`."""
    return np.asarray((w <= np.array(LOWEST) + 1e-9) | (w >= np.array(HIGHEST) - 1e-9))


def _weight(day: Floats, scored: Bools, recency: bool) -> Floats:
    """The weight of each review `[reviews]`: .25 + .75 x^3, x its place in time in [0, 1]; the mean is 1."""
    weight = np.ones(len(day))
    if recency:
        order = np.argsort(day[scored], kind="stable")
        x = np.empty(len(order))
        x[order] = np.linspace(0.0, 1.0, len(order))
        weight[scored] = (0.25 + 0.75 * x**3) / np.mean(0.25 + 0.75 * x**3)
    return weight


def _moved(w: Floats, at: Ints, by: Floats | float) -> Floats:
    out = w.copy()
    out[at] += by
    return out


def _shares(grade: Ints, typical: Sequence[float]) -> tuple[float, ...]:
    """Shares of grades 1, 2, ..., as if there had been one more review with the `typical` shares."""
    counts = np.bincount(grade - 1, minlength=len(typical)) + np.array(typical)
    return tuple((counts / counts.sum()).tolist())


def _same_day(reviews: Reviews, days: Floats) -> float:
    """The share of right answers within a day of the last review."""
    right = reviews.correct[(days < 1.0) & ~reviews.first & (reviews.correct >= 0)]
    return share(int(right.sum()), len(right))


def _ws(numbers: Sequence[int]) -> str:
    return ", ".join(f"w{k}" for k in numbers)
