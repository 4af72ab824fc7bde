"""IRT with three parameters an item and growth, fitted to logs (`simulators/logistic/irt.py`).

    P(correct) = c_i + (1 - c_i) / (1 + exp(-a_i (theta_learner + growth - b_i)))         Birnbaum 1968

theta ~ N(0, spread²) is integrated out on an even grid.  Priors hold what few answers tell: ln a_i ~ N(0,
1 / penalty); logit c_i ~ N(c, .25 / penalty) around a level c that all items share, c ~ N(logit .2, 1), so
that an item which nobody weak was asked keeps the others' guessing (Swaminathan & Gifford, Psychometrika
1986, have such priors).  Their strength is fixed, so that they fade as answers come in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from coursewright.fitting.coded import Coded, places
from coursewright.fitting.descent import lowest
from coursewright.fitting.histories import Histories
from coursewright.fitting.logistic.birnbaum import Problem, Shape, forecast
from coursewright.fitting.logistic.features import values
from coursewright.fitting.logistic.linear import Linear
from coursewright.fitting.logistic.random_intercept import GRID
from coursewright.fitting.model import Estimates, Teaching
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.folders import rounded
from coursewright.simulators.logistic.irt import Irt
from coursewright.simulators.logistic.tables import write_irt

ITERATIONS = 500
ONE_ABILITY = (
    "A learner has one ability for all skills: what sets a skill apart for one learner (`skill_spread` of"
    " the simulator) is not fitted, and 0 in the learners that are taught."
)


@dataclass(frozen=True, eq=False)
class ThreeParameterFit:
    """A fitted Rasch sum (`linear`) with discrimination and guess `[items]` of the course's items."""

    linear: Linear
    course: Course
    discrimination: Floats
    guess: Floats
    shape: Shape
    converged: bool

    @property
    def teaching(self) -> Teaching:
        """See `read_irt`."""
        return Teaching("mastery", "irt")

    def estimates(self) -> Estimates:
        """Easiness, discrimination and guess of each item, growth of each skill, the spread."""
        item, *growing = self.linear.parts
        named = {f"easiness[{name}]": w for name, w in zip(item.names, item.of("easiness"), strict=True)}
        for kind in ("discrimination", "guess"):
            if getattr(self.shape, kind):
                each = getattr(self, kind)
                named |= {f"{kind}[{name}]": w for name, w in zip(self.course.items, each, strict=True)}
        for part in growing:
            named |= {f"growth[{name}]": w for name, w in zip(part.names, part.of("growth"), strict=True)}
        named["spread"] = self.linear.spread
        return Estimates(tuple(named), np.array(list(named.values()), np.float64))

    def warnings(self) -> Sequence[str]:
        """One line for each thing that the log did not tell."""
        lines = [*self.linear.troubles]
        return lines if self.converged else [*lines, "the climb did not converge"]

    def undetermined(self) -> Sequence[str]:
        """Plain sentences on what no log tells this fit."""
        lines = [
            "Guessing and difficulty of an item that only able learners were asked: the prior holds them."
        ]
        if not self.shape.discrimination:
            lines.append(
                "All items tell learners apart equally well, by assumption (`model.discrimination`)."
            )
        return [*lines, ONE_ABILITY]

    def predict(self, log: Coded) -> Floats:
        """P(correct) `[rows]` from earlier rows of the same learner; an unknown item is a typical one."""
        item, *growing = self.linear.parts
        at = places(log.items, item.names)[log.item]
        x = np.append(item.of("easiness"), item.shared[0])[at]
        for part in growing:
            of = Histories.of(log, "skill")
            each = np.append(part.of("growth"), part.shared[0])[places(of.names, part.names)[of.code]]
            x += np.bincount(of.row, each * values(of, ("growth",))[:, 0], minlength=log.rows)
        logit = np.log(np.maximum(self.guess, 1e-12) / (1.0 - self.guess))
        a = np.append(self.discrimination, np.exp(np.log(self.discrimination).mean()))[at]
        c = np.append(self.guess, 1.0 / (1.0 + np.exp(-logit.mean())))[at]
        out, node = np.empty(log.rows), self.linear.spread * GRID
        correct, weight = log.correct.astype(np.float64), np.exp(-0.5 * GRID**2)
        forecast((x, a, c), correct, log.start, node, weight, np.empty(len(node)), out)
        return out

    def simulator(self) -> Irt:
        """Learners with these parameters on the log's own items."""
        item, *growing = self.linear.parts
        none = np.zeros(self.course.n_skills)
        return Irt(
            course=replace(self.course, difficulty=rounded(-item.of("easiness"))),
            mean=none,
            growth=rounded(growing[0].of("growth")) if growing else none,
            discrimination=rounded(self.discrimination),
            guess=rounded(self.guess),
            spread=float(rounded(np.array(self.linear.spread))),
        )

    def write(self, folder: Path) -> None:
        """Write what `read_irt` reads."""
        write_irt(folder, self.simulator())


def fit_three_parameter(
    log: Coded, rasch: Linear, course: Course, shape: Shape, penalty: float
) -> ThreeParameterFit:
    """Fit from the Rasch estimates on.  Deterministic."""
    problem = Problem(log, rasch, shape, penalty)
    scale = 1.0 / np.sqrt(problem.curvature())

    def mean(z: Floats) -> tuple[float, Floats]:
        value, slope = problem.at(z * scale)
        return value / len(problem.y), slope * scale / len(problem.y)

    start = problem.start_at(rasch)
    bounds = [(low / s, high / s) for (low, high), s in zip(problem.bounds(), scale, strict=True)]
    found, converged = lowest(mean, start / scale, ITERATIONS, bounds)
    part = problem.parts(found * scale)
    item, *growing = rasch.parts
    parts = [replace(item, shared=part["level"], own=part["easiness"][:, None])]
    parts += [replace(g, shared=part["growth"], own=part["own_growth"][:, None]) for g in growing]
    linear = replace(rasch, parts=tuple(parts), spread=float(np.exp(part["log_spread"][0])))
    return ThreeParameterFit(linear, course, *problem.items_of(part), shape, converged)
