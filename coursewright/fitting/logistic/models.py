"""AFM, PFA, Best-LR, IRT and DAS3H fitted to logs (see the simulators of the same names).

Rows in which nothing was asked (correct = -1) are exposures: they count as opportunities (AFM, IRT) and for
`lag`, the time since the last exposure; they are neither successes nor failures (PFA, Best-LR), nor
attempts (DAS3H); and they have no likelihood.

Where learners have an intercept of their own (AFM, IRT, DAS3H), a learner who is new is predicted with what
their earlier answers say about it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from coursewright.errors import reject
from coursewright.files import write_atomically
from coursewright.fitting.course import course_of
from coursewright.fitting.logistic.linear import Linear, Part, Weights, fit_linear
from coursewright.fitting.model import Estimates
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.logistic import counting, das3h, irt
from coursewright.simulators.logistic.tables import das3h_files, irt_files, logistic_files
from coursewright.simulators.protocol import Simulator

STRENGTH = 1.0  # default L2 penalty on deviations from the shared weights
LEVEL = ("easiness",)
COUNTS = ("success", "failure")
LAG = ("seen", "lag")


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """A fitted logistic learner: the sum, the course it speaks of, and what to build and write from them."""

    linear: Linear
    course: Course
    build: Callable[[Linear, Course], Simulator[Any]]
    files: Callable[[Any], dict[str, str]]

    def estimates(self) -> Estimates:
        """The weights of each skill, those that all share, and the spread between learners.

        `lag[(skill)]` is shared by all skills.  Items are listed where the model has no level of skills.
        """
        named: dict[str, float] = {}
        for at, weights in enumerate(self.linear.parts):
            for column in weights.part.columns:
                each = weights.of(column).tolist()
                if column not in weights.part.own:
                    named[f"{column}[({weights.part.kind})]"] = each[0]
                elif weights.part.kind != "item" or at == 0:
                    named |= {f"{column}[{name}]": w for name, w in zip(weights.names, each, strict=True)}
        if self.linear.spread > 0.0:
            named["spread"] = self.linear.spread
        return Estimates(tuple(named), np.array(list(named.values())))

    def warnings(self) -> Sequence[str]:
        """What the log did not tell, one line each."""
        return self.linear.troubles

    def predict(self, table: pa.Table) -> Floats:
        """P(correct) of each row `[rows]` from earlier rows of the same learner only; learners may be new."""
        return self.linear.predict(table)

    def simulator(self) -> Simulator[Any]:
        """Learners with these parameters on the log's own items."""
        return self.build(self.linear, self.course)

    def write(self, folder: Path) -> None:
        """Write the tables that `read_logistic`, `read_irt` or `read_das3h` reads."""
        for name, text in self.files(self.simulator()).items():
            write_atomically(folder / name, partial(_fill, text=text))


@dataclass(frozen=True)
class Afm:
    """Additive factors: theta_learner + Σ_k (easiness_k + opportunity_k n_k).

    `items` adds each item's difficulty.
    """

    items: bool = False
    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        _check(self.penalty)

    @property
    def name(self) -> str:
        """What tables call it."""
        return "AFM"

    def fit(self, table: pa.Table) -> LogisticFit:
        """Fit to the rows of a log, in order of learner, time and file."""
        columns = (*LEVEL, "opportunity")
        parts = [Part("skill", columns, columns)] + [Part("item", (), LEVEL)] * self.items
        return _fitted(fit_linear(table, parts, self.penalty, individual=True, raw=True), table, _counting)


@dataclass(frozen=True)
class Pfa:
    """Performance factors: Σ_k (easiness_k + success_k f(s_k) + failure_k f(f_k)).

    `items` adds each item's difficulty; `lag` the log of the seconds since the skill was last met (one
    weight for all skills, and one for having met it); `raw` counts as they are (Pavlik 2009), not ln(1 + n).
    """

    items: bool = False
    lag: bool = False
    raw: bool = False
    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        _check(self.penalty)

    @property
    def name(self) -> str:
        """What tables call it."""
        return "PFA" + " with lag" * self.lag

    def fit(self, table: pa.Table) -> LogisticFit:
        """Fit to the rows of a log, in order of learner, time and file."""
        columns = LEVEL + COUNTS
        parts = [Part("skill", columns + LAG * self.lag, columns)] + [Part("item", (), LEVEL)] * self.items
        return _fitted(fit_linear(table, parts, self.penalty, raw=self.raw), table, _counting)


@dataclass(frozen=True)
class BestLr:
    """Best-LR: PFA with item difficulty, and the log counts of the item and of everything.

    `lag` adds the log of the seconds since skill and item were last met.
    """

    lag: bool = False
    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        _check(self.penalty)

    @property
    def name(self) -> str:
        """What tables call it."""
        return "Best-LR" + " with lag" * self.lag

    def fit(self, table: pa.Table) -> LogisticFit:
        """Fit to the rows of a log, in order of learner, time and file."""
        columns, lag = LEVEL + COUNTS, LAG * self.lag
        parts = [
            Part("skill", columns + lag, columns),
            Part("item", COUNTS + lag, LEVEL),
            Part("total", COUNTS),
        ]
        return _fitted(fit_linear(table, parts, self.penalty), table, _counting)


@dataclass(frozen=True)
class Irt:
    """Rasch with growth: theta_learner - difficulty_i + mean over skills of growth_k ln(1 + n_k).

    `growth` False leaves the plain Rasch model (1PL).
    """

    growth: bool = True
    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        _check(self.penalty)

    @property
    def name(self) -> str:
        """What tables call it."""
        return "IRT with growth" if self.growth else "IRT"

    def fit(self, table: pa.Table) -> LogisticFit:
        """Fit to the rows of a log, in order of learner, time and file."""
        growing = ("growth",)
        parts = [Part("item", LEVEL, LEVEL)] + [Part("skill", growing, growing)] * self.growth
        return _fitted(fit_linear(table, parts, self.penalty, individual=True), table, _responding, irt_files)


@dataclass(frozen=True)
class Das3h:
    """DAS3H: learner and item intercepts, and each skill's counts inside five windows of time."""

    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        _check(self.penalty)

    @property
    def name(self) -> str:
        """What tables call it."""
        return "DAS3H"

    def fit(self, table: pa.Table) -> LogisticFit:
        """Fit to the rows of a log, in order of learner, time and file."""
        parts = [Part("skill", das3h.COLUMNS, das3h.COLUMNS), Part("item", (), LEVEL)]
        linear = fit_linear(table, parts, self.penalty, individual=True)
        return _fitted(linear, table, _windowed, das3h_files)


def _fill(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def _check(penalty: float) -> None:
    if not 0.0 < penalty < np.inf:
        raise reject("fit.penalty", penalty, "above 0")


def _fitted(
    linear: Linear,
    table: pa.Table,
    build: Callable[[Linear, Course], Simulator[Any]],
    files: Callable[[Any], dict[str, str]] = logistic_files,
) -> LogisticFit:
    return LogisticFit(linear, course_of(table), build, files)


def _part(linear: Linear, kind: str) -> Weights | None:
    return next((weights for weights in linear.parts if weights.part.kind == kind), None)


def _with_difficulty(course: Course, item: Weights | None) -> Course:
    """The course with the fitted difficulty of its items; 0 where the model has none."""
    return course if item is None else replace(course, difficulty=-item.of("easiness"))


def _counting(linear: Linear, course: Course) -> counting.Logistic:
    """AFM, PFA, Best-LR."""
    item, total = _part(linear, "item"), _part(linear, "total")
    weights = linear.parts[0].table(counting.COLUMNS)
    if item is not None and total is not None:
        counted = item.table(counting.COLUMNS)
        counted[:, counting.EASINESS] = 0.0  # that is the course's difficulty
        weights = np.vstack([weights, counted, total.table(counting.COLUMNS)])
    return counting.Logistic(_with_difficulty(course, item), weights, linear.spread, linear.raw)


def _responding(linear: Linear, course: Course) -> irt.Irt:
    skill = _part(linear, "skill")
    return irt.Irt(
        course=_with_difficulty(course, _part(linear, "item")),
        mean=np.zeros(course.n_skills),
        growth=np.zeros(course.n_skills) if skill is None else skill.of("growth"),
        discrimination=np.ones(course.n_items),
        guess=np.zeros(course.n_items),
        spread=linear.spread,
    )


def _windowed(linear: Linear, course: Course) -> das3h.Das3h:
    weights = linear.parts[0].table(das3h.COLUMNS)
    weights[:, das3h.TRIED :] *= -1.0  # DAS3H subtracts what attempts add here
    return das3h.Das3h(_with_difficulty(course, _part(linear, "item")), weights, linear.spread)
