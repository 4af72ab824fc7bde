"""Expectation-maximisation for BKT, accelerated: each cycle climbs the likelihood and never falls."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.fitting.bkt.hidden_markov import (
    DENOMINATOR,
    FORGET,
    GUESS,
    NUMERATOR,
    SLIP,
    Data,
    expectation,
)
from coursewright.simulators.arrays import Floats
from coursewright.simulators.kernel import kernel

EDGE = 1e-6  # parameters stay this far from 0 and 1, so that no probability vanishes
MARGIN = 1e-3  # guess + slip stay this far below 1: beyond it "known" would mean answering worse


class Limits(NamedTuple):
    """The largest value of each parameter [5], and whether FORGET is fitted (else it stays as it is)."""

    highest: Floats
    forgets: bool


class Scratch(NamedTuple):
    """Room to work in, since kernels allocate nothing: [longest], [3, 5] and [2, 5, 2]."""

    filtered: Floats
    points: Floats
    counts: Floats


def scratch(longest: int) -> Scratch:
    """Make room for sequences of up to `longest` opportunities."""
    return Scratch(np.empty(longest), np.empty((3, 5)), np.empty((2, 5, 2)))


@kernel
def maximisation(theta: Floats, counts: Floats, limits: Limits, out: Floats) -> None:
    """Put the likeliest parameters under counts [5, 2] into out [5], within `limits` and guess + slip < 1.

    Parameters with no counts stay as in theta [5].
    """
    highest = limits.highest
    for k in range(5):
        out[k] = theta[k]
        if counts[k, DENOMINATOR] > 0.0 and (k != FORGET or limits.forgets):
            # Clipping is exact: the expected log-likelihood is concave in each parameter by itself.
            out[k] = min(max(counts[k, NUMERATOR] / counts[k, DENOMINATOR], EDGE), highest[k])
    asked = counts[GUESS, DENOMINATOR] + counts[SLIP, DENOMINATOR]
    if asked > 0.0 and out[GUESS] + out[SLIP] > 1.0 - MARGIN:
        # The optimum then lies on the edge, where both states answer (almost) alike.
        right = counts[GUESS, NUMERATOR] + counts[SLIP, DENOMINATOR] - counts[SLIP, NUMERATOR]
        share = right / asked
        low = max(EDGE, 1.0 - MARGIN - highest[SLIP])
        out[GUESS] = min(max(share, low), highest[GUESS], 1.0 - MARGIN - EDGE)
        out[SLIP] = 1.0 - MARGIN - out[GUESS]


@kernel
def extrapolate(before: Floats, middle: Floats, after: Floats, out: Floats, highest: Floats) -> None:
    """Three successive EM estimates [5] -> a guess at where they lead (SQUAREM, scheme S3, on logits).

    Varadhan & Roland (2008), Scandinavian Journal of Statistics 35, eq. 8 and 9.
    """
    first = second = 0.0
    for k in range(5):
        if before[k] > 0.0:
            a, b, c = _logit(before[k]), _logit(middle[k]), _logit(after[k])
            first += (b - a) ** 2
            second += (c - 2.0 * b + a) ** 2
    length = max(1.0, math.sqrt(first / second)) if second > 0.0 else 1.0
    for k in range(5):
        out[k] = 0.0
        if before[k] > 0.0:
            a, b, c = _logit(before[k]), _logit(middle[k]), _logit(after[k])
            ahead = a + 2.0 * length * (b - a) + length * length * (c - 2.0 * b + a)
            out[k] = min(max(1.0 / (1.0 + math.exp(-min(max(ahead, -30.0), 30.0))), EDGE), highest[k])
    over = out[GUESS] + out[SLIP]
    if over > 1.0 - MARGIN:
        out[GUESS] *= (1.0 - MARGIN) / over
        out[SLIP] *= (1.0 - MARGIN) / over


@kernel
def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))


@kernel
def climb(
    theta: Floats,
    of: Data,
    limits: Limits,
    cycles: int,
    tolerance: float,
    room: Scratch,
    likelihood: Floats,
    converged: npt.NDArray[np.bool_],
) -> None:
    """Raise the likelihood of theta [skills, 5], in place, by at most `cycles` accelerated EM cycles.

    A cycle takes two EM steps and tries the point they lead to; it is kept only where it is no worse than
    the first step, so that the likelihood never falls.  A skill is done once a whole cycle gains less than
    `tolerance` (nats).  likelihood and converged [skills] are filled.
    """
    filtered, counts, ahead = room.filtered, room.counts[0], room.counts[1]
    middle, after, guess = room.points[0], room.points[1], room.points[2]
    for k in range(theta.shape[0]):
        here = theta[k]
        value = expectation(here, of, k, filtered, counts)
        converged[k] = False
        for _ in range(cycles):
            maximisation(here, counts, limits, middle)
            reached = expectation(middle, of, k, filtered, counts)
            maximisation(middle, counts, limits, after)
            extrapolate(here, middle, after, guess, limits.highest)
            leap = expectation(guess, of, k, filtered, ahead)
            if leap >= reached:
                maximisation(guess, ahead, limits, here)
            else:
                maximisation(middle, counts, limits, here)
            last = value
            value = expectation(here, of, k, filtered, counts)
            if value - last < tolerance:
                converged[k] = True
                break
        likelihood[k] = value
