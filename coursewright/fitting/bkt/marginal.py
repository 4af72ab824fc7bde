"""BKT's likelihood where learners differ, and where knowledge is lost as days pass: value and exact gradient.

Individual learners (Yudelson, Koedinger & Gordon, AIED 2013), as `simulators/knowledge/bkt.py` has them:

    logit P(L0_k) + prior_sd z,   logit P(T_k) + learn_sd z',   z, z' ~ N(0, 1) for each learner

z and z' are integrated out by Gauss-Hermite quadrature.  The first state enters a sequence's likelihood
linearly, so that two passes (known at first, unknown at first) serve all nodes of z.  Forgetting comes at
each opportunity, or as days pass: a known skill is kept for d days with (1 - F)^d, from the learner's first
row on. The gradient is that of the smoothed counts (Fisher's identity), on the logit scale.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from coursewright.fitting.bkt.hidden_markov import FORGET, GUESS, LEARN, PRIOR, SLIP
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel

NODES = 7  # of the quadrature over each of the two differences between learners
EDGE = 1e-6  # parameters stay this far from 0 and 1
SURE = 1e-300  # a chance below it has no logarithm


class Paths(NamedTuple):
    """Sequences of answers learner by learner.

    Learner j owns the places `own[j]` to `own[j + 1]` of `order`, each a sequence: `skill [sequences]`, and
    `start [sequences + 1]` into `correct` and `days [opportunities]`, the days since the opportunity before
    (since the learner's first row, at a skill's first one).
    """

    own: Ints
    order: Ints
    skill: Ints
    start: Ints
    correct: npt.NDArray[np.int8]
    days: Floats


def paths(sequences: Sequences, day: Floats, arrived: Floats) -> Paths:
    """The sequences of a log with these days `[rows]`; `arrived [learners]` is each one's first."""
    order = np.argsort(sequences.learner, kind="stable").astype(np.int64)
    own = np.searchsorted(sequences.learner[order], np.arange(len(sequences.learners) + 1)).astype(np.int64)
    when = day[sequences.row]
    days = np.diff(when, prepend=0.0)
    days[sequences.start[:-1]] = when[sequences.start[:-1]] - arrived[sequences.learner]
    return Paths(own, order, sequences.skill, sequences.start, sequences.correct, days)


class Nodes(NamedTuple):
    """Standard normal scores `[nodes]` at which learners may lie, and the logarithm of their weight."""

    score: Floats
    log_weight: Floats


def nodes(individual: bool) -> Nodes:
    """Gauss and Hermite's nodes, or one at 0 where learners are alike."""
    if not individual:
        return Nodes(np.zeros(1), np.zeros(1))
    score, weight = np.polynomial.hermite_e.hermegauss(NODES)
    return Nodes(score, np.log(weight / weight.sum()))


@dataclass(frozen=True, eq=False)
class Point:
    """Parameters `theta [skills, 5]`, the learners' spreads, and whether FORGET is per day."""

    theta: Floats
    prior_sd: float = 0.0
    learn_sd: float = 0.0
    per_day: bool = False

    @property
    def individual(self) -> bool:
        """True where learners differ."""
        return self.prior_sd > 0.0 or self.learn_sd > 0.0

    @property
    def flat(self) -> Floats:
        """Logits, skill by skill, and the two spreads: `[5 skills + 2]`."""
        p = np.clip(self.theta, EDGE, 1.0 - EDGE)
        return np.append(np.log(p / (1.0 - p)).ravel(), [self.prior_sd, self.learn_sd])

    def moved(self, flat: Floats) -> "Point":
        """The point of these numbers; FORGET stays 0 where it is 0."""
        theta = _sigmoid(flat[:-2]).reshape(-1, 5)
        theta[self.theta[:, FORGET] == 0.0, FORGET] = 0.0
        return replace(self, theta=theta, prior_sd=float(flat[-2]), learn_sd=float(flat[-1]))

    def tables(self, at: Nodes) -> tuple[Floats, Floats]:
        """P(L0) and P(T) of each skill for the learners at each node: `[skills, nodes]` both."""
        logit = self.flat[:-2].reshape(-1, 5)
        prior = _sigmoid(logit[:, [PRIOR]] + self.prior_sd * at.score)
        return prior, _sigmoid(logit[:, [LEARN]] + self.learn_sd * at.score)


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def evaluate(point: Point, of: Paths, individual: bool) -> tuple[float, csr_matrix]:
    """The log-likelihood in nats, and each learner's part of its gradient in `Point.flat`, a row each."""
    at = nodes(individual)
    prior, learn = point.tables(at)
    slopes, spreads = np.zeros((len(of.skill), 5)), np.zeros((len(of.own) - 1, 2))
    longest = int(np.diff(of.start).max(initial=1))
    most = int(np.diff(of.own).max(initial=1))
    room = Room(
        np.empty((2, longest)),
        np.empty((most, len(at.score), 2)),
        np.empty((most, len(at.score), 2, 5)),
        np.empty((len(at.score), len(at.score))),
    )
    total = _evaluate(of, point.theta, (prior, learn), at, point.per_day, room, slopes, spreads)
    learner = np.repeat(np.arange(len(of.own) - 1), np.diff(of.own))
    column = 5 * of.skill[of.order][:, None] + np.arange(5)
    columns = np.hstack([column.ravel(), np.tile([point.theta.size, point.theta.size + 1], len(spreads))])
    rows = np.hstack([np.repeat(learner, 5), np.repeat(np.arange(len(spreads)), 2)])
    values = np.hstack([slopes[of.order].ravel(), spreads.ravel()])
    return total, csr_matrix((values, (rows, columns)), shape=(len(spreads), point.theta.size + 2))


class Room(NamedTuple):
    """Room for `_evaluate`: filtered states; logarithms and slopes by sequence, node and first state."""

    filtered: Floats
    log: Floats
    slope: Floats
    belief: Floats


@kernel
def _evaluate(
    of: Paths,
    theta: Floats,
    tables: tuple[Floats, Floats],
    at: Nodes,
    per_day: bool,
    room: Room,
    slopes: Floats,
    spreads: Floats,
) -> float:
    prior, learn = tables
    n = at.score.shape[0]
    total = 0.0
    for j in range(of.own.shape[0] - 1):
        first, beyond = of.own[j], of.own[j + 1]
        for m in range(first, beyond):
            s = of.order[m]
            for b in range(n):
                for known in range(2):
                    room.log[m - first, b, known] = _pass(
                        of, s, theta[of.skill[s]], learn[of.skill[s], b], float(known), per_day,
                        room.filtered, room.slope[m - first, b, known],
                    )  # fmt: skip
        highest = -np.inf
        for a in range(n):
            for b in range(n):
                value = at.log_weight[a] + at.log_weight[b]
                for m in range(first, beyond):
                    value += _mixed(prior[of.skill[of.order[m]], a], room.log[m - first, b])
                room.belief[a, b] = value
                highest = max(highest, value)
        mass = 0.0
        for a in range(n):
            for b in range(n):
                room.belief[a, b] = math.exp(room.belief[a, b] - highest)
                mass += room.belief[a, b]
        total += highest + math.log(mass)
        for a in range(n):
            for b in range(n):
                weight = room.belief[a, b] / mass
                for m in range(first, beyond):
                    s = of.order[m]
                    p = prior[of.skill[s], a]
                    knew = _knew(p, room.log[m - first, b])
                    slopes[s, PRIOR] += weight * (knew - p)
                    spreads[j, 0] += weight * at.score[a] * (knew - p)
                    unknown, known_slope = room.slope[m - first, b, 0], room.slope[m - first, b, 1]
                    for c in range(1, 5):
                        slope = (1.0 - knew) * unknown[c] + knew * known_slope[c]
                        slopes[s, c] += weight * slope
                        if c == LEARN:
                            spreads[j, 1] += weight * at.score[b] * slope
    return total


@inlined
def _mixed(prior: float, log: Floats) -> float:
    """Logarithm of a sequence's likelihood with this P(L0), from those of both first states."""
    top = max(log[0], log[1])
    return float(top + math.log((1.0 - prior) * math.exp(log[0] - top) + prior * math.exp(log[1] - top)))


@inlined
def _knew(prior: float, log: Floats) -> float:
    """P(known at first | answers)."""
    top = max(log[0], log[1])
    known, unknown = prior * math.exp(log[1] - top), (1.0 - prior) * math.exp(log[0] - top)
    return float(known / (known + unknown))


@kernel
def _pass(
    of: Paths,
    s: int,
    theta: Floats,
    learn: float,
    known: float,
    per_day: bool,
    filtered: Floats,
    slope: Floats,
) -> float:
    """Logarithm of the likelihood of sequence s from a first state, and its slopes [5] but for PRIOR's."""
    guess, slip = theta[GUESS], theta[SLIP]
    at_practice = 0.0 if per_day else theta[FORGET]
    rate = -math.log1p(-theta[FORGET]) if per_day else 0.0
    first, beyond = of.start[s], of.start[s + 1]
    for c in range(5):
        slope[c] = 0.0
    posterior, before = filtered[0], filtered[1]  # P(known) after an answer; before the days that follow
    p, total, product = known * math.exp(-rate * of.days[first]), 0.0, 1.0
    for t in range(first, beyond):
        yes, no = p, 1.0 - p
        if of.correct[t] == 1:
            yes, no = yes * (1.0 - slip), no * guess
        elif of.correct[t] == 0:
            yes, no = yes * slip, no * (1.0 - guess)
        chance = yes + no
        product *= chance
        if product < 1e-200:
            total += math.log(product + SURE)
            product = 1.0
        q = yes / chance
        posterior[t - first] = q
        before[t - first] = u = q * (1.0 - at_practice) + (1.0 - q) * learn
        p = u * math.exp(-rate * of.days[t + 1]) if t + 1 < beyond else u
    total += math.log(product + SURE)

    smoothed = posterior[beyond - 1 - first]
    for t in range(beyond - 1, first - 1, -1):
        if t < beyond - 1:
            q, u = posterior[t - first], before[t - first]
            lasted = smoothed
            if rate > 0.0:
                lasted = _kept(smoothed, u, of.days[t + 1], rate, theta[FORGET], slope)
            learned = (1.0 - q) * learn * lasted / u
            smoothed = q * (1.0 - at_practice) * lasted / u
            if at_practice > 0.0:
                forgot = q * at_practice * (1.0 - lasted) / (1.0 - u)
                smoothed += forgot
                slope[FORGET] += forgot - at_practice * smoothed
            slope[LEARN] += learned - learn * (1.0 - smoothed)
        if of.correct[t] >= 0:
            slope[GUESS] += (1.0 - smoothed) * (of.correct[t] - guess)
            slope[SLIP] += smoothed * (1.0 - of.correct[t] - slip)
    if rate > 0.0 and known > 0.0:
        _kept(smoothed, known, of.days[first], rate, theta[FORGET], slope)
    return total


@inlined
def _kept(smoothed: float, u: float, days: float, rate: float, forget: float, slope: Floats) -> float:
    """P(known before these days | all answers) from that after them; the slope at logit F is added."""
    left = math.exp(-rate * days)
    if days <= 0.0 or u * left >= 1.0:
        return smoothed
    lost = (1.0 - smoothed) * u * (1.0 - left) / (1.0 - u * left)
    slope[FORGET] += forget * days * (lost * left / (1.0 - left) - smoothed)
    return float(smoothed + lost)
