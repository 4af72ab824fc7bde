"""AFM, PFA, Best-LR, IRT and DAS3H fitted to logs (see the simulators of the same names).

Rows in which nothing was asked (correct = -1) are exposures: they count as opportunities (AFM, IRT) and for
`lag`, the time since the last exposure; they are neither successes nor failures (PFA, Best-LR), nor
attempts (DAS3H); and they have no likelihood.

Learners have an intercept of their own, and a new learner is predicted with its posterior given their
earlier answers.  PFA and Best-LR as published have none: `individual` False fits them so.  Their counts
then stand for how able a learner is, and the fit takes that for learning.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from coursewright.errors import reject
from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.fitting.logistic.birnbaum import Shape
from coursewright.fitting.logistic.fitted import Form, LogisticFit
from coursewright.fitting.logistic.linear import Linear, Part, Weights, fit_linear
from coursewright.fitting.logistic.three_parameter import ONE_ABILITY, ThreeParameterFit, fit_three_parameter
from coursewright.fitting.model import Teaching
from coursewright.simulators.course import Course
from coursewright.simulators.folders import rounded
from coursewright.simulators.logistic import counting, das3h, irt, worth
from coursewright.simulators.logistic.selection import Selection
from coursewright.simulators.logistic.tables import write_das3h, write_irt, write_logistic

STRENGTH = 1.0  # default L2 penalty on deviations from the shared weights
LEVEL = ("easiness",)
COUNTS = ("success", "failure")
LAG = ("seen", "lag")
ALIKE = ", learners alike"  # in the names of models without intercepts


@dataclass(frozen=True)
class AfmModel:
    """Additive factors: theta_learner + Σ_k (easiness_k + opportunity_k n_k).

    `items` adds each item's difficulty; `staying` lets ability rise with the length of a record.
    """

    items: bool = False
    staying: bool = False
    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        check_penalty(self.penalty)

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "AFM"

    def fit(self, log: Coded) -> LogisticFit:
        """Fit to the rows of a log."""
        columns = (*LEVEL, "opportunity")
        parts = [Part("skill", columns, columns)] + [Part("item", (), LEVEL)] * self.items
        linear = fit_linear(log, parts, self.penalty, individual=True, raw=True, staying=self.staying)
        return LogisticFit(linear, course_of(log), _counted("afm"))


@dataclass(frozen=True)
class PfaModel:
    """Performance factors: Σ_k (easiness_k + success_k f(s_k) + failure_k f(f_k)).

    `items` adds each item's difficulty; `lag` the log of the seconds since the skill was last met (one
    weight for all skills, and one for having met it); `raw` counts as they are (Pavlik 2009), not ln(1 + n);
    `individual` False fits learners as alike; `staying` lets ability rise with the length of a record.
    """

    items: bool = False
    lag: bool = False
    raw: bool = False
    individual: bool = True
    staying: bool = False
    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        check_penalty(self.penalty)
        _check_staying(self.staying, self.individual)

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "PFA" + " with lag" * self.lag + ALIKE * (not self.individual)

    @property
    def needs_times(self) -> bool:
        """True with `lag`."""
        return self.lag

    def fit(self, log: Coded) -> LogisticFit:
        """Fit to the rows of a log."""
        columns = LEVEL + COUNTS
        parts = [Part("skill", columns + LAG * self.lag, columns)] + [Part("item", (), LEVEL)] * self.items
        linear = fit_linear(log, parts, self.penalty, self.individual, self.raw, self.staying)
        return LogisticFit(linear, course_of(log), _counted("pfa", self.individual))


@dataclass(frozen=True)
class BestLrModel:
    """Best-LR: PFA with item difficulty, and the log counts of the item and of everything.

    `lag` adds the log of the seconds since skill and item were last met; the others are those of PFA.
    """

    lag: bool = False
    individual: bool = True
    staying: bool = False
    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        check_penalty(self.penalty)
        _check_staying(self.staying, self.individual)

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "Best-LR" + " with lag" * self.lag + ALIKE * (not self.individual)

    @property
    def needs_times(self) -> bool:
        """True with `lag`."""
        return self.lag

    def fit(self, log: Coded) -> LogisticFit:
        """Fit to the rows of a log."""
        columns, lag = LEVEL + COUNTS, LAG * self.lag
        parts = [
            Part("skill", columns + lag, columns),
            Part("item", COUNTS + lag, LEVEL),
            Part("total", COUNTS),
        ]
        linear = fit_linear(log, parts, self.penalty, self.individual, staying=self.staying)
        return LogisticFit(linear, course_of(log), _counted("best_lr", self.individual))


@dataclass(frozen=True)
class IrtModel:
    """Rasch with growth: theta_learner - difficulty_i + mean over skills of growth_k ln(1 + n_k).

    `growth` False leaves the plain Rasch model (1PL); `guess` fits how likely each item is guessed, and
    `discrimination` how well it tells learners apart (2PL, and 3PL with both).
    """

    growth: bool = True
    guess: bool = False
    discrimination: bool = False
    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        check_penalty(self.penalty)

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "IRT with growth" if self.growth else "IRT"

    def fit(self, log: Coded) -> LogisticFit | ThreeParameterFit:
        """Fit to the rows of a log."""
        growing = ("growth",)
        parts = [Part("item", LEVEL, LEVEL)] + [Part("skill", growing, growing)] * self.growth
        linear = fit_linear(log, parts, self.penalty, individual=True)
        if self.guess or self.discrimination:
            shape = Shape(self.guess, self.discrimination)
            return fit_three_parameter(log, linear, course_of(log), shape, self.penalty)
        return LogisticFit(linear, course_of(log), IRT)


@dataclass(frozen=True)
class Das3hModel:
    """DAS3H: learner and item intercepts, and each skill's counts inside five windows of time."""

    penalty: float = STRENGTH

    needs_times: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_penalty(self.penalty)

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "DAS3H"

    def fit(self, log: Coded) -> LogisticFit:
        """Fit to the rows of a log."""
        parts = [Part("skill", das3h.COLUMNS, das3h.COLUMNS), Part("item", (), LEVEL)]
        linear = fit_linear(log, parts, self.penalty, individual=True)
        return LogisticFit(linear, course_of(log), DAS3H)


def check_penalty(penalty: float) -> None:
    """Raise `InputError` for a penalty that is none."""
    if not 0.0 < penalty < np.inf:
        raise reject("model.penalty", penalty, "above 0")


def _check_staying(staying: bool, individual: bool) -> None:
    if staying and not individual:
        raise reject("model.staying", staying, "false where model.individual=false: it is a part of ability")


def _part(linear: Linear, kind: str) -> Weights | None:
    return next((weights for weights in linear.parts if weights.part.kind == kind), None)


def _with_difficulty(course: Course, item: Weights | None) -> Course:
    """The course with the fitted difficulty of its items; 0 where the model has none."""
    return course if item is None else replace(course, difficulty=rounded(-item.of("easiness")))


def counting_learners(linear: Linear, course: Course) -> counting.Logistic:
    """Learners who count, by a sum whose first part is that of skills: AFM, PFA, Best-LR, practice."""
    item, total = _part(linear, "item"), _part(linear, "total")
    weights = linear.parts[0].table(worth.COLUMNS)
    if item is not None and item.part.columns != LEVEL:
        counted = item.table(worth.COLUMNS)
        counted[:, worth.EASINESS] = 0.0  # that is the course's difficulty
        counted[[name in linear.pooled for name in item.names]] = 0.0  # met again, it is another item
        weights = np.vstack([weights, counted])
    if total is not None:
        weights = np.vstack([weights, total.table(worth.COLUMNS)])
    return counting.Logistic(
        course=_with_difficulty(course, item),
        weights=rounded(weights),
        spread=spread_of(linear),
        raw=linear.raw,
        selection=Selection(*rounded(np.array(linear.selection)).tolist()),
    )


def _responding(linear: Linear, course: Course) -> irt.Irt:
    skill = _part(linear, "skill")
    return irt.Irt(
        course=_with_difficulty(course, _part(linear, "item")),
        mean=np.zeros(course.n_skills),
        growth=np.zeros(course.n_skills) if skill is None else rounded(skill.of("growth")),
        discrimination=np.ones(course.n_items),
        guess=np.zeros(course.n_items),
        spread=spread_of(linear),
    )


def _windowed(linear: Linear, course: Course) -> das3h.Das3h:
    """DAS3H learners, whose first part has the windows."""
    weights = linear.parts[0].table(das3h.COLUMNS)
    weights[:, das3h.TRIED :] *= -1.0  # DAS3H subtracts the part of attempts that is added here
    return das3h.Das3h(_with_difficulty(course, _part(linear, "item")), rounded(weights), spread_of(linear))


def spread_of(linear: Linear) -> float:
    """The spread of learners' intercepts, as a table holds it."""
    return float(rounded(np.array(linear.spread)))


def _counted(simulator: str, individual: bool = True) -> Form:
    """AFM, PFA or Best-LR, read by the simulator of that name."""
    proxy = "" if individual else COUNTS_FOR_ABILITY
    return Form(counting_learners, write_logistic, Teaching("mastery", simulator), proxy=proxy)


COUNTS_FOR_ABILITY = "learners fitted as alike, whose counts stand for how able they are (docs/recovery.md)"
# The figures are those of docs/recovery.md: guess .2 in truth, and a fit without it.
NO_GUESSING = (
    "No item is guessed, and all tell learners apart equally well, by assumption.  Where items are "
    "guessed in truth, growth and spread come out too small and difficulties too low (at a guess of .2: "
    "growth .32 by .05, spread 1.0 by .27, difficulty by .57).  `model.guess=true` fits guessing, "
    "`model.discrimination=true` the other."
)
WINDOWS_OVERLAP = (
    "A longer window holds what a shorter one holds.  The weights of single windows are told less well "
    "than their sums: compare sums, not windows."
)
IRT = Form(_responding, write_irt, Teaching("mastery", "irt"), (NO_GUESSING, ONE_ABILITY))
DAS3H = Form(_windowed, write_das3h, Teaching("recall", "das3h"), (WINDOWS_OVERLAP,))
