"""Standard errors of a BKT fit, from the observed information of the exact likelihood."""

import numpy as np

from coursewright.fitting.bkt.climb import EDGE, MARGIN, Limits
from coursewright.fitting.bkt.hidden_markov import (
    DENOMINATOR,
    FORGET,
    GUESS,
    NUMERATOR,
    SLIP,
    Data,
    data,
    expectation,
)
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.simulators.arrays import Floats

STEP = 1e-4  # on the logit scale
NEAR = 1e-3  # an estimate this close to its bound has no curvature to speak of: it is held there


def standard_errors(sequences: Sequences, theta: Floats, limits: Limits) -> Floats:
    """Give standard errors [skills, 5] of theta [skills, 5], as probabilities.

    The gradient comes exactly from the expected counts (Fisher's identity), its derivative by central
    differences on the logit scale; the inverse of that matrix goes back to probabilities by the delta
    method.  A parameter at a bound is held there; it, and every parameter of a skill whose information
    matrix cannot be inverted, gets nan: the data do not identify it.
    """
    of, filtered = data(sequences), np.empty(sequences.longest)
    errors = np.full(theta.shape, np.nan)
    for k, estimate in enumerate(theta):
        free = np.flatnonzero((estimate > NEAR) & (estimate < limits.highest - NEAR))
        if not limits.forgets:
            free = free[free != FORGET]
        if len(free) and estimate[GUESS] + estimate[SLIP] < 1.0 - 2.0 * MARGIN:
            errors[k, free] = _of_skill(of, k, estimate, free, filtered)
    return errors


def _of_skill(of: Data, k: int, estimate: Floats, free: np.ndarray, filtered: Floats) -> Floats:
    """Give standard errors of the free parameters [free] of one skill."""
    information = np.empty((len(free), len(free)))
    for row, parameter in enumerate(free):
        above = _score(of, k, _shifted(estimate, parameter, STEP), filtered)
        below = _score(of, k, _shifted(estimate, parameter, -STEP), filtered)
        information[row] = -(above - below)[free] / (2.0 * STEP)
    information = (information + information.T) / 2.0
    values = np.linalg.eigvalsh(information)
    if not values[0] > 1e-6 * values[-1] > 0.0:
        return np.full(len(free), np.nan)
    spread = np.sqrt(np.diag(np.linalg.inv(information)))
    return np.asarray(spread * estimate[free] * (1.0 - estimate[free]))


def _score(of: Data, k: int, theta: Floats, filtered: Floats) -> Floats:
    """Give the gradient [5] of the log-likelihood with respect to the logits of theta [5]."""
    counts = np.empty((5, 2))
    expectation(theta, of, k, filtered, counts)
    return np.asarray(counts[:, NUMERATOR] - theta * counts[:, DENOMINATOR])


def _shifted(theta: Floats, parameter: int, step: float) -> Floats:
    moved = np.array(theta)
    p = np.clip(moved[parameter], EDGE, 1.0 - EDGE)
    moved[parameter] = 1.0 / (1.0 + np.exp(-(np.log(p / (1.0 - p)) + step)))
    return moved
