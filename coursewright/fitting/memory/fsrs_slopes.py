"""The log loss of FSRS weights on a log, and its exact gradient by going back in time.

`trace` walks through each history with the simulator's own equations (`simulators/fsrs.py`) and keeps the
memory before each review.  `slopes` then walks back from the last review to the first, carrying the effect
of a little more stability or difficulty on the loss (reverse-mode differentiation, written out).
"""

import math
from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.memory.fsrs import (
    AGAIN,
    EASY,
    HARD,
    LEAST_STABILITY,
    first_difficulty,
    in_range,
    next_difficulty,
    next_stability,
    recall,
    same_day_factor,
    whole_days,
)

SURE = 1e-12  # predictions stay this far from 1


class Traced(NamedTuple):
    """S, D and R just before each review `[reviews]`; 0 before the first."""

    stability: Floats
    difficulty: Floats
    recalled: Floats


def room(reviews: int) -> Traced:
    """Room for so many reviews."""
    return Traced(*np.empty((3, reviews)))


@kernel
def trace(w: Floats, start: Ints, days: Floats, grade: Ints, out: Traced) -> None:
    """Fill S, D and R."""
    stability, difficulty, recalled = out.stability, out.difficulty, out.recalled
    for h in range(start.shape[0] - 1):
        first = start[h]
        stability[first] = difficulty[first] = recalled[first] = 0.0
        s = w[grade[first] - 1]
        d = in_range(first_difficulty(grade[first], w))
        for r in range(first + 1, start[h + 1]):
            stability[r], difficulty[r] = s, d
            recalled[r] = recall(days[r], s, w)
            s = next_stability(s, d, days[r], recalled[r], grade[r], w)
            d = next_difficulty(d, grade[r], w)


@kernel
def loss(recalled: Floats, outcome: Ints, weight: Floats) -> float:
    """Weighted sum of -ln P(answer), in nats, over reviews with an outcome of 1 or 0 (not -1)."""
    total = 0.0
    for r in range(outcome.shape[0]):
        if outcome[r] == 1:
            total -= weight[r] * math.log(recalled[r])
        elif outcome[r] == 0:
            total -= weight[r] * math.log(1.0 - min(recalled[r], 1.0 - SURE))
    return total


@inlined
def _through_recall(days: float, s: float, recalled: float, w: Floats, up: float, slope: Floats) -> float:
    """From the slope `up` at R to the slope at S; that at w20 is added."""
    power = 0.9 ** (-1.0 / w[20])  # F + 1
    base = 1.0 + (power - 1.0) * days / s
    slope_factor = power * math.log(0.9) / (w[20] * w[20])
    slope[20] -= up * recalled * (math.log(base) + w[20] * days / s * slope_factor / base)
    return float(up * recalled * w[20] * (power - 1.0) * days / (s * s * base))


@inlined
def _through_difficulty(d: float, after: float, grade: int, w: Floats, up: float, slope: Floats) -> float:
    """From the slope `up` at D after a review to that at D before it."""
    if after <= 1.0 or after >= 10.0:
        return 0.0
    step = (grade - 3) / 9.0
    moved = d - (10.0 - d) * step * w[6]
    slope[4] += up * w[7]
    slope[5] -= up * w[7] * 3.0 * math.exp(3.0 * w[5])
    slope[6] -= up * (1.0 - w[7]) * (10.0 - d) * step
    slope[7] += up * (first_difficulty(EASY, w) - moved)
    return float(up * (1.0 - w[7]) * (1.0 + w[6] * step))


@inlined
def _through_same_day(s: float, grade: int, w: Floats, up: float, slope: Floats) -> float:
    """From the slope `up` at S after a same-day review to that at S before it."""
    factor = same_day_factor(s, grade, w)
    if grade > AGAIN and factor <= 1.0:
        return up
    slope[17] += up * s * factor * (grade - 3 + w[18])
    slope[18] += up * s * factor * w[17]
    slope[19] -= up * s * factor * math.log(s)
    return float(up * factor * (1.0 - w[19]))


@inlined
def _through_right(
    s: float, d: float, recalled: float, grade: int, w: Floats, up: float, slope: Floats
) -> tuple[float, float, float]:
    """From the slope `up` at S after a right answer to those at S, D and R before it."""
    bonus = w[15] if grade == HARD else (w[16] if grade == EASY else 1.0)
    plain = math.exp(w[8]) * (11.0 - d) * s ** -w[9]
    lift = math.exp((1.0 - recalled) * w[10])
    growth = plain * (lift - 1.0) * bonus
    slope[8] += up * s * growth
    slope[9] -= up * s * growth * math.log(s)
    slope[10] += up * s * plain * bonus * lift * (1.0 - recalled)
    if grade == HARD:
        slope[15] += up * s * plain * (lift - 1.0)
    elif grade == EASY:
        slope[16] += up * s * plain * (lift - 1.0)
    to_s = up * (1.0 + growth * (1.0 - w[9]))
    to_d = -up * s * growth / (11.0 - d)
    return float(to_s), float(to_d), float(-up * s * plain * bonus * lift * w[10])


@inlined
def _through_wrong(
    s: float, d: float, recalled: float, w: Floats, up: float, slope: Floats
) -> tuple[float, float, float]:
    """From the slope `up` at S after a lapse to those at S, D and R before it."""
    power = (s + 1.0) ** w[13]
    scale = d ** -w[12] * math.exp((1.0 - recalled) * w[14])
    left = w[11] * scale * (power - 1.0)
    most = s / math.exp(w[17] * w[18])
    if most < left:
        slope[17] -= up * most * w[18]
        slope[18] -= up * most * w[17]
        return float(up * most / s), 0.0, 0.0
    slope[11] += up * scale * (power - 1.0)
    slope[12] -= up * left * math.log(d)
    slope[13] += up * w[11] * scale * power * math.log(s + 1.0)
    slope[14] += up * left * (1.0 - recalled)
    to_s = up * w[11] * scale * w[13] * power / (s + 1.0)
    return float(to_s), float(-up * left * w[12] / d), float(-up * left * w[14])


@kernel
def slopes(
    w: Floats,
    start: Ints,
    days: Floats,
    grade: Ints,
    traced: Traced,
    outcome: Ints,
    weight: Floats,
    slopes_of: Floats,
) -> None:
    """Fill `slopes_of [histories, 21]`: how each history's part of `loss` changes with each weight."""
    stability, difficulty, recalled = traced.stability, traced.difficulty, traced.recalled
    for h in range(start.shape[0] - 1):
        slope = slopes_of[h]
        for k in range(slope.shape[0]):
            slope[k] = 0.0
        first, end = start[h], start[h + 1]
        up_s = up_d = 0.0
        for r in range(end - 1, first, -1):
            s, d, p, g = stability[r], difficulty[r], recalled[r], grade[r]
            up_r = 0.0
            if r + 1 < end:
                to_s = to_d = 0.0
                if stability[r + 1] > LEAST_STABILITY:
                    if days[r] < 1.0:
                        to_s = _through_same_day(s, g, w, up_s, slope)
                    elif g > AGAIN:
                        to_s, to_d, up_r = _through_right(s, d, p, g, w, up_s, slope)
                    else:
                        to_s, to_d, up_r = _through_wrong(s, d, p, w, up_s, slope)
                up_d = to_d + _through_difficulty(d, difficulty[r + 1], g, w, up_d, slope)
                up_s = to_s
            if outcome[r] == 1:
                up_r -= weight[r] / p
            elif outcome[r] == 0:
                up_r += weight[r] / (1.0 - min(p, 1.0 - SURE))
            if days[r] >= 1.0:
                up_s += _through_recall(days[r], s, p, w, up_r, slope)
        if end - first > 1:
            g = grade[first]
            slope[g - 1] += up_s
            if 1.0 < difficulty[first + 1] < 10.0:
                slope[4] += up_d
                slope[5] -= up_d * (g - 1) * math.exp(w[5] * (g - 1))


@kernel
def _whole(gap: Floats, out: Floats) -> None:
    for r in range(gap.shape[0]):
        out[r] = whole_days(gap[r])


def whole(gap: Floats) -> Floats:
    """Gaps `[reviews]` in whole days."""
    out = np.empty(len(gap))
    _whole(gap, out)
    return out


def gradients_at(
    w: Floats, start: Ints, days: Floats, grade: Ints, outcome: Ints, weight: Floats
) -> tuple[float, Floats]:
    """The loss in nats at w `[21]`, and the gradient of each history's part of it, `[histories, 21]`."""
    traced, slopes_of = room(len(days)), np.empty((len(start) - 1, len(w)))
    trace(w, start, days, grade, traced)
    slopes(w, start, days, grade, traced, outcome, weight, slopes_of)
    return loss(traced.recalled, outcome, weight), slopes_of
