"""Predicting the next response with fitted parameters, from the earlier responses that a tutor sees."""

import math
from typing import NamedTuple

import numpy as np

from coursewright.fitting.bkt.hidden_markov import FORGET, GUESS, SLIP, forecast
from coursewright.fitting.bkt.marginal import Nodes, Point, nodes
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import Coded, Signs, places
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.knowledge.bkt import Spread
from coursewright.simulators.knowledge.parameters import FIELDS, BktParameters

NOT_MET = -1.0e9  # the day on which a skill was last met


def predict(parameters: BktParameters, log: Coded) -> Floats:
    """P(correct) of each row of `log` [rows], given only earlier rows of its learner on its skills.

    The first draw of `parameters` is used; skills that it does not know get the median of those it knows.
    An item with several skills gets the mean of their predictions, since each was fitted to the item's
    whole response.
    """
    sequences = Sequences.of(log)
    each = np.empty(len(sequences.correct))
    theta = theta_of(parameters, sequences.skills)
    forecast(theta, sequences.skill, sequences.start, sequences.correct, each)
    total = np.bincount(sequences.row, weights=each, minlength=log.rows)
    return np.asarray(total / np.bincount(sequences.row, minlength=log.rows))


def predict_marginal(parameters: BktParameters, spread: Spread, per_day: bool, log: Coded) -> Floats:
    """The same `[rows]` where learners differ or knowledge is lost as days pass: z, z' are integrated out.

    What a learner answers on one skill then tells of the others too.
    """
    point = Point(theta_of(parameters, log.skills), spread.prior, spread.learn, per_day)
    at = nodes(point.individual)
    prior, learn = point.tables(at)
    shape = (len(at.score), len(at.score))
    room = Room(np.empty((len(log.skills), *shape)), np.empty(len(log.skills)), np.empty(shape))
    rows = Rows(log.start, log.needs.start, log.needs.values, log.day, log.correct)
    out = np.empty(log.rows)
    _follow(rows, point.theta, (prior, learn), at, per_day, room, out)
    return out


class Rows(NamedTuple):
    """The rows of a log: where learners begin, each row's skills, day and answer."""

    start: Ints
    first: Ints
    skill: Ints
    day: Floats
    correct: Signs


class Room(NamedTuple):
    """P(known) `[skills, nodes, nodes]`, the day each skill was last met, and how likely each node is."""

    known: Floats
    last: Floats
    belief: Floats


@kernel
def _follow(
    of: Rows, theta: Floats, tables: tuple[Floats, Floats], at: Nodes, per_day: bool, room: Room, out: Floats
) -> None:
    known, last, belief = room.known, room.last, room.belief
    prior, learn = tables
    n = at.score.shape[0]
    for j in range(of.start.shape[0] - 1):
        last[:] = NOT_MET
        for a in range(n):
            for b in range(n):
                belief[a, b] = math.exp(at.log_weight[a] + at.log_weight[b])
        for r in range(of.start[j], of.start[j + 1]):
            mine = of.skill[of.first[r] : of.first[r + 1]]
            mass = right = 0.0
            for k in mine:
                met = last[k] != NOT_MET
                days = of.day[r] - (last[k] if met else of.day[of.start[j]])
                left = (1.0 - theta[k, FORGET]) ** days if per_day else 1.0
                last[k] = of.day[r]
                for a in range(n):
                    for b in range(n):
                        known[k, a, b] = left * (known[k, a, b] if met else prior[k, a])
                        p = known[k, a, b]
                        mass += belief[a, b]
                        right += belief[a, b] * (p * (1.0 - theta[k, SLIP]) + (1.0 - p) * theta[k, GUESS])
            out[r] = right / mass
            for k in mine:
                forget = 0.0 if per_day else theta[k, FORGET]
                for a in range(n):
                    for b in range(n):
                        p = known[k, a, b]
                        yes, no = p, 1.0 - p
                        if of.correct[r] == 1:
                            yes, no = p * (1.0 - theta[k, SLIP]), (1.0 - p) * theta[k, GUESS]
                        elif of.correct[r] == 0:
                            yes, no = p * theta[k, SLIP], (1.0 - p) * (1.0 - theta[k, GUESS])
                        belief[a, b] *= (yes + no) * len(mine) / mass
                        q = yes / (yes + no)
                        known[k, a, b] = q * (1.0 - forget) + (1.0 - q) * learn[k, b]


def theta_of(parameters: BktParameters, skills: tuple[str, ...]) -> Floats:
    """Look up `skills` in the first draw of `parameters`: [skills, 5], the median where unknown."""
    known = np.stack([np.asarray(getattr(parameters, name))[0] for name in FIELDS], axis=1)
    return np.asarray(np.vstack([known, np.median(known, axis=0)])[places(skills, parameters.skills)])
