"""PFA and IRT learners with drawn parameters, as two of several families (see `families`)."""

from dataclasses import dataclass

import numpy as np

from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.families import Range, drawn
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.irt import Irt
from coursewright.simulators.logistic.worth import COLUMNS, DAY_S


@dataclass(frozen=True)
class PfaFamily:
    """PFA learners, in the log form, who lose `lag` log odds for each unit of ln(1 + seconds) after a day.

    `lag` is drawn once a draw, the other ranges for each skill; `spread` is that of their ability.
    """

    easiness: Range = (-2.5, 0.0)
    success: Range = (0.5, 1.5)
    failure: Range = (0.0, 0.8)
    lag: Range = (-0.5, 0.0)
    spread: float = 0.5
    share: float = 1.0

    def draw(self, course: Course, random: np.random.Generator) -> Logistic:
        """One population."""
        weights: Floats = np.zeros((course.n_skills, len(COLUMNS)))
        for column in ("easiness", "success", "failure"):
            weights[:, COLUMNS.index(column)] = drawn(random, getattr(self, column), course.n_skills)
        (lag,) = drawn(random, self.lag)
        weights[:, COLUMNS.index("lag")] = lag
        weights[:, COLUMNS.index("seen")] = -lag * np.log1p(DAY_S)  # nothing is lost by the end of a day
        return Logistic(course, weights, self.spread)


@dataclass(frozen=True)
class IrtFamily:
    """IRT learners whose abilities grow; ranges are of skills, `guess` of items."""

    mean: Range = (-2.0, 0.5)
    growth: Range = (0.3, 1.5)
    guess: Range = (0.0, 0.2)
    spread: float = 0.7
    skill_spread: float = 0.5
    share: float = 1.0

    def draw(self, course: Course, random: np.random.Generator) -> Irt:
        """One population."""
        mean, growth = (drawn(random, limits, course.n_skills) for limits in (self.mean, self.growth))
        guess = drawn(random, self.guess, course.n_items)
        discrimination = np.ones(course.n_items)
        return Irt(course, mean, growth, discrimination, guess, self.spread, self.skill_spread)
