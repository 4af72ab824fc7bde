"""Calibration of held-out predictions: of the answers predicted at 70 %, 70 % should be right.

Logistic recalibration (Cox 1958, Biometrika 45: 562-565) regresses the response on the predicted logit,
logit P(correct) = intercept + slope * logit(p).  A calibrated model has slope 1 and intercept 0; a slope
below 1 says that predictions are too extreme, above 1 that they are too timid.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from coursewright.fitting.groups import distinct
from coursewright.fitting.judging.held_out import EDGE, HeldOut
from coursewright.simulators.arrays import Floats, Ints

BINS = 10
STEPS = 50  # of Newton's method; a handful suffice
TOLERANCE = 1e-8  # of its last step
WORST = 1e12  # condition of the information above which right and wrong are as good as separated
NOTHING = (np.nan, np.nan, np.nan)
REACH = 1.959964  # standard errors either side, 95 %


class Calibration(NamedTuple):
    """Held-out predictions in bins of equal size, and the recalibration line, each with 95 % intervals.

    predicted, observed, low, high, answers [bins].  slope and intercept are (value, low, high), all nan
    where the predictions hardly vary.  Intervals are cluster-robust: learners are independent, their
    responses are not.
    """

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    answers: Ints
    slope: tuple[float, float, float]
    intercept: tuple[float, float, float]


def calibration(held: HeldOut, bins: int = BINS, min_group: int = 1) -> Calibration:
    """Pool the folds, bin by quantile of the prediction, and recalibrate.

    Bins of fewer than `min_group` learners are left out.
    """
    unit, y, p = held.unit, held.correct.astype(np.float64), np.clip(held.p, EDGE, 1.0 - EDGE)
    edges = np.unique(np.quantile(p, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    place = np.searchsorted(edges, p, side="left")
    _, place = np.unique(place, return_inverse=True)
    count = np.bincount(place)
    predicted, observed = (np.bincount(place, weights=values) / count for values in (p, y))
    half = REACH * np.array([_error(y[place == b], unit[place == b]) for b in range(len(count))])
    low, high = np.clip(observed - half, 0.0, 1.0), np.clip(observed + half, 0.0, 1.0)
    slope, intercept = recalibration(y, p, unit)
    enough = distinct(held.learner, place, len(count)) >= min_group
    predicted, observed, low, high = (column[enough] for column in (predicted, observed, low, high))
    return Calibration(predicted, observed, low, high, count[enough], slope, intercept)


def recalibration(
    y: Floats, p: Floats, unit: Ints
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Slope and intercept of y `[responses]` on logit p, by Newton's method with sandwich errors."""
    design = np.stack([np.ones(len(p)), logit(p)], axis=1)
    beta = _climb(y, design)
    if beta is None:
        return NOTHING, NOTHING
    fitted = expit(design @ beta)
    information = design.T @ (design * (fitted * (1.0 - fitted))[:, None])
    inverse = np.linalg.inv(information)
    score = design * (y - fitted)[:, None]
    summed = np.stack([np.bincount(unit, weights=column) for column in score.T], axis=1)
    error = np.sqrt(np.diag(inverse @ (summed.T @ summed) @ inverse))
    slope, intercept = (
        (float(beta[k]), float(beta[k] - REACH * error[k]), float(beta[k] + REACH * error[k])) for k in (1, 0)
    )
    return slope, intercept


def _climb(y: Floats, design: Floats) -> Floats | None:
    """The most likely weights `[2]` of `design [responses, 2]`; None where the data do not tell them.

    Newton's method from a flat line; a step that overshoots (a few predictions next to 0 or 1 can do
    that) is halved until the likelihood rises.
    """
    if design[:, 1].std() < 1e-6 or y.min() == y.max():
        return None
    beta = np.array([logit(y.mean()), 0.0])
    likelihood = _likelihood(y, design @ beta)
    for _ in range(STEPS):
        fitted = expit(design @ beta)
        information = design.T @ (design * (fitted * (1.0 - fitted))[:, None])
        if np.linalg.cond(information) > WORST:
            return None
        step = np.linalg.solve(information, design.T @ (y - fitted))
        while np.abs(step).max() > TOLERANCE and _likelihood(y, design @ (beta + step)) < likelihood:
            step /= 2.0
        beta = beta + step
        likelihood = _likelihood(y, design @ beta)
        if np.abs(step).max() <= TOLERANCE:
            return beta
    return None


def _likelihood(y: Floats, eta: Floats) -> float:
    return float(np.sum(y * eta - np.logaddexp(0.0, eta)))


def _error(y: Floats, unit: Ints) -> float:
    """Standard error of the mean of y `[responses]` when units are independent (a ratio estimate)."""
    by_unit = np.bincount(unit, weights=y - y.mean())
    n = len(np.unique(unit))
    return float(np.sqrt((by_unit**2).sum() * n / max(1, n - 1)) / len(y))
