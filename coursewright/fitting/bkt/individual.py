"""BKT fitted by its marginal likelihood: learners who differ, knowledge that is lost as days pass.

The climb starts at the estimates of plain EM (`em.py`) and follows the exact gradient of `marginal.py`.
Standard errors come from the spread of the learners' gradients (Berndt, Hall, Hall & Hausman 1974), and
bootstrap draws from one scoring step for each resample of whole learners (Schucany & Wang, Biometrika 1991):
a climb for each would take hours on a large log.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from coursewright.fitting.bkt.climb import MARGIN
from coursewright.fitting.bkt.em import BktFit, EmSettings, as_parameters, fit
from coursewright.fitting.bkt.hidden_markov import FORGET, GUESS, LEARN, PRIOR, SLIP
from coursewright.fitting.bkt.marginal import EDGE, Paths, Point, evaluate, paths
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import Coded
from coursewright.fitting.descent import lowest
from coursewright.simulators.arrays import Bools, Floats
from coursewright.simulators.knowledge.bkt import Spread

START_SD = 0.5
LEAST_FORGET, MOST_FORGET = 1e-3, 0.9  # a day, to start from
LEAST_SD, MOST_SD = 1e-3, 5.0  # below the least, learners count as alike
ITERATIONS = 500
LONGEST_STEP = 3.0  # of a bootstrap draw, on the logit scale
TINY = 1e-8  # of the largest information: below it the log says nothing of a parameter


@dataclass(frozen=True)
class Differences:
    """Beyond EM's likelihood: `individual` learners, and forgetting `per_day`."""

    individual: bool = False
    per_day: bool = False


@dataclass(frozen=True, eq=False)
class Marginal:
    """A fit: the point, what each learner says of it, and where parameters are free.

    `scores [learners, 5 skills + 2]` are the learners' gradients at the point; `free [5 skills + 2]` marks
    what is not held at a bound.
    """

    fit: BktFit
    spread: Spread
    point: Point
    scores: csr_matrix
    free: Bools
    box: "Box"

    @property
    def spread_errors(self) -> Floats:
        """Standard errors of `prior_sd` and `learn_sd`; nan where the log does not tell."""
        return _errors(self.scores, self.free)[-2:]

    def draws(self, n: int, seed: int) -> list[tuple[Floats, Spread]]:
        """Parameters `[skills, 5]` and spreads for `n` resamples of whole learners."""
        learners = self.scores.shape[0]
        weights = np.random.default_rng(seed).multinomial(learners, np.full(learners, 1.0 / learners), size=n)
        ahead = (self.scores.T @ (weights.T - 1.0)).T[:, self.free]
        steps = np.zeros((n, len(self.free)))
        steps[:, self.free] = ahead @ np.linalg.pinv(_information(self.scores, self.free), rcond=TINY)
        flat = self.point.flat + np.clip(steps, -LONGEST_STEP, LONGEST_STEP)
        points = [self.point.moved(np.clip(each, self.box.low, self.box.high)) for each in flat]
        return [(each.theta, Spread(each.prior_sd, each.learn_sd)) for each in points]


class Box(NamedTuple):
    """Bounds of `Point.flat`."""

    low: Floats
    high: Floats


def fit_marginal(log: Coded, sequences: Sequences, forgetting: bool, differ: Differences) -> Marginal:
    """Fit every skill of a log and the spreads between its learners, all at once.

    Deterministic.  Raises `InputError` where the responses are all right or all wrong.
    """
    plain = fit(sequences, EmSettings(forgetting))
    of = paths(sequences, log.day, log.day[log.start[:-1]])
    theta = plain.theta
    if differ.per_day:
        theta[:, FORGET] = _by_day(theta[:, FORGET], of)
    several = bool((np.diff(of.own) > 1).any())  # one skill says nothing of how P(L0) differs
    sd = START_SD * differ.individual
    start = Point(theta, sd * several, sd, differ.per_day)
    box = _box(start)
    point, converged = _climb(start, of, box, differ.individual)
    prior_sd, learn_sd = (sd if sd >= LEAST_SD else 0.0 for sd in (point.prior_sd, point.learn_sd))
    point = replace(point, prior_sd=prior_sd, learn_sd=learn_sd)
    _, scores = evaluate(point, of, differ.individual)
    free = _told(point, scores, box)
    errors = _errors(scores, free)[:-2].reshape(-1, 5)
    p = point.theta
    found = replace(
        plain,
        parameters=as_parameters(p[None], sequences.skills),
        standard_errors=errors * p * (1.0 - p),
        converged=np.full(len(p), converged),
        switched=p[:, GUESS] + p[:, SLIP] > 1.0 - 2.0 * MARGIN,
    )
    return Marginal(found, Spread(point.prior_sd, point.learn_sd), point, scores, free, box)


def _by_day(forget: Floats, of: Paths) -> Floats:
    """P(forget) a day that loses as much in a skill's mean pause as `forget [skills]` at an opportunity."""
    skill = np.repeat(of.skill, np.diff(of.start))
    again = np.ones(len(skill), bool)
    again[of.start[:-1]] = False
    total = np.bincount(skill[again], of.days[again], minlength=len(forget))
    mean = total / np.maximum(np.bincount(skill[again], minlength=len(forget)), 1)
    return np.asarray(
        np.clip(1.0 - (1.0 - forget) ** (1.0 / np.maximum(mean, 1e-3)), LEAST_FORGET, MOST_FORGET)
    )


def _climb(start: Point, of: Paths, box: Box, individual: bool) -> tuple[Point, bool]:
    """Uphill from `start`, on coordinates of about unit curvature there."""
    learners = len(of.own) - 1
    _, scores = evaluate(start, of, individual)
    moving = (box.low < box.high).nonzero()[0]
    curvature = np.asarray(scores.multiply(scores).sum(axis=0)).ravel()
    scale = 1.0 / np.sqrt(np.maximum(curvature[moving], 1.0))
    flat = start.flat

    def at(x: Floats) -> Point:
        here = flat.copy()
        here[moving] = x * scale
        return start.moved(np.clip(here, box.low, box.high))

    def mean(x: Floats) -> tuple[float, Floats]:
        total, each = evaluate(at(x), of, individual)
        slope = np.asarray(each.sum(axis=0)).ravel()[moving] * scale
        return -total / learners, -slope / learners

    bounds = list(zip(box.low[moving] / scale, box.high[moving] / scale, strict=True))
    x, converged = lowest(mean, flat[moving] / scale, ITERATIONS, bounds)
    return at(x), converged


def _box(start: Point) -> Box:
    """Bounds: each probability inside (0, 1), guess + slip below 1, FORGET at 0 where it is not fitted."""
    low, high = np.full(start.theta.shape, EDGE), np.full(start.theta.shape, 1.0 - EDGE)
    middle = np.clip(
        0.5 * (start.theta[:, GUESS] + 1.0 - start.theta[:, SLIP]), 2.0 * EDGE + MARGIN, 1.0 - EDGE
    )
    high[:, GUESS], high[:, SLIP] = middle, np.maximum(1.0 - MARGIN - middle, 2.0 * EDGE)
    still = start.theta[:, FORGET] == 0.0
    high[still, FORGET] = EDGE
    ends = [np.log(p / (1.0 - p)).ravel() for p in (low, high)]
    spreads = [start.prior_sd, start.learn_sd]
    return Box(np.append(ends[0], [0.0, 0.0]), np.append(ends[1], [MOST_SD * (sd > 0.0) for sd in spreads]))


def _told(point: Point, scores: csr_matrix, box: Box) -> Bools:
    """Marks the parameters inside their bounds of which the log says something."""
    flat = point.flat
    inside = (flat > box.low + 1e-3) & (flat < box.high - 1e-3)
    curvature = np.asarray(scores.multiply(scores).sum(axis=0)).ravel()
    return np.asarray(inside & (curvature > TINY * curvature.max()))


def _information(scores: csr_matrix, free: Bools) -> Floats:
    mine = scores[:, free.nonzero()[0]]
    return np.asarray((mine.T @ mine).toarray())


def _errors(scores: csr_matrix, free: Bools) -> Floats:
    """Standard errors in `Point.flat`; nan where a parameter is not free or the information is singular."""
    errors, information = np.full(len(free), np.nan), _information(scores, free)
    values = np.linalg.eigvalsh(information) if len(information) else np.zeros(1)
    if values[0] > TINY * values[-1] > 0.0:
        errors[free] = np.sqrt(np.diag(np.linalg.inv(information)))
    return errors


def apart(log: Coded, sequences: Sequences, plain: BktFit) -> tuple[float, float]:
    """Signs of differences between learners in P(L0), and in P(T), where a fit takes them for alike.

    A learner's scores on two skills are independent if all learners are alike; the sum of their products over
    learners, over its own standard error, is about standard normal then.  (0, 0) where rows have several
    skills, whose scores share an answer.
    """
    if (np.diff(log.needs.start) > 1).any():
        return 0.0, 0.0
    of = paths(sequences, log.day, log.day[log.start[:-1]])
    _, scores = evaluate(Point(plain.theta), of, individual=False)
    skills = 5 * np.arange(len(sequences.skills))
    return _products(scores[:, skills + PRIOR]), _products(scores[:, skills + LEARN])


def _products(score: csr_matrix) -> float:
    """Sum over learners of products of two of their scores `[learners, skills]`, over its standard error."""
    total, squares = score.sum(axis=1), score.multiply(score).sum(axis=1)
    pairs = np.asarray(np.square(total) - squares).ravel()
    spread = float(np.sqrt((pairs**2).sum()))
    return float(pairs.sum()) / spread if spread > 0.0 else 0.0
