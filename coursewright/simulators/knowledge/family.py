"""BKT learners with drawn parameters, as one of several families (see `families`)."""

from dataclasses import dataclass

import numpy as np

from coursewright.simulators.course import Course
from coursewright.simulators.families import Range, drawn
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters


@dataclass(frozen=True)
class BktFamily:
    """BKT learners.  `forget` (a day) and `rho` are drawn once a draw, the other ranges for each skill."""

    prior: Range = (0.0, 0.4)
    learn: Range = (0.1, 0.5)
    guess: Range = (0.1, 0.3)
    slip: Range = (0.05, 0.2)
    forget: Range = (0.0, 0.05)
    rho: Range = (0.0, 0.5)
    share: float = 1.0

    def draw(self, course: Course, random: np.random.Generator) -> Bkt:
        """One population."""
        skills = course.n_skills
        prior, learn, guess, slip = (
            drawn(random, limits, skills) for limits in (self.prior, self.learn, self.guess, self.slip)
        )
        forget, (rho,) = np.repeat(drawn(random, self.forget), skills), drawn(random, self.rho)
        return Bkt(course, BktParameters(prior, learn, guess, slip, forget), rho=float(rho))
