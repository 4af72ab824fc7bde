"""Means with intervals, each under the name of what it estimates.

Two estimands.  *This policy*: the exported policy is given and learners are drawn anew (bootstrap over
learners).  *This training recipe*: training is repeated with another seed (Student's t over at least
five seeds, on the same learners).  Policies meet the same learners with the same luck, so differences
are paired, learner by learner.

Bootstrap intervals are percentile intervals, widened for small samples as in Hesterberg, "What
Teachers Should Know About the Bootstrap", The American Statistician 69(4), 2015, section 5.3.  They
stay within the range of what they estimate, which shares and probabilities need.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from coursewright.errors import reject
from coursewright.simulators.arrays import Floats

THIS_POLICY = "this policy"
THIS_RECIPE = "this training recipe"
LEVEL = 0.95
RESAMPLES = 2000
FEWEST_SEEDS = 5  # fewer say too little about a training recipe
TIE = 1e-9  # returns are sums of rounded numbers: what differs by less is the same
CELLS = 1 << 20  # resampling weights held at a time


class Estimate(NamedTuple):
    """A figure with its doubt.

    `value` with the 95 % interval from `low` to `high`; `estimand` says what the interval is about and
    `n` how many learners (or seeds) it rests on.  Where `value` is nan, `note` says why.
    """

    value: float
    low: float
    high: float
    estimand: str
    n: int
    note: str = ""


def resampled_means(values: Floats, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """Bootstrap means `[resamples, columns]` of `values [learners, columns]`.

    A resample draws whole learners with replacement, so the columns stay paired.  The same seed and
    number of learners give the same resamples, whatever the columns.
    """
    n = len(values)
    if n < 2:
        raise reject("learners", n, "at least 2, or there is nothing to resample")
    if resamples < 100:
        raise reject("resamples", resamples, "a whole number >= 100")
    rng = np.random.default_rng(seed)
    centre = values.mean(axis=0)
    deviations = values - centre  # small numbers: a constant column stays constant
    size = max(1, CELLS // n)
    means = np.empty((resamples, values.shape[1]))
    for first in range(0, resamples, size):
        rows = min(size, resamples - first)
        drawn = rng.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        means[first : first + rows] = centre + weights.astype(np.float64) @ deviations / n
    return means


def interval(draws: Floats, n: int, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Lower and upper bound from bootstrap `draws [resamples, ...]` that rest on `n` learners.

    Tail probability Phi(-sqrt(n / (n - 1)) t_{n-1}) instead of (1 - level)/2: on normal data this is
    Student's t interval.
    """
    reach = np.sqrt(n / (n - 1)) * stats.t.ppf(0.5 + level / 2, n - 1)
    tail = stats.norm.cdf(-reach)
    low, high = np.quantile(draws, [tail, 1.0 - tail], axis=0)
    return low, high


def over_learners(values: Floats, seed: int = 0) -> Estimate:
    """Mean of `values [learners]` for the estimand "this policy"."""
    draws = resampled_means(values[:, None], seed=seed)[:, 0]
    return from_draws(float(values.mean()), draws, len(values))


def from_draws(value: float, draws: Floats, n: int, estimand: str = THIS_POLICY) -> Estimate:
    """The estimate `value` with the interval of its bootstrap `draws [resamples]`."""
    low, high = interval(draws, n)
    return Estimate(value, float(low), float(high), estimand, n)


def over_seeds(values: Floats) -> Estimate:
    """Mean of `values [seeds]` for "this training recipe": Student's t.

    The learners are the same for every seed, so the interval is about the luck of training alone.
    Raises `InputError` for fewer than five seeds.
    """
    n = len(values)
    if n < FEWEST_SEEDS:
        raise reject("agent seeds", n, f"at least {FEWEST_SEEDS} for an interval about a training recipe")
    mean = float(values.mean())
    half = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, THIS_RECIPE, n)


def paired_difference(values: Floats, reference: Floats, seed: int = 0) -> Estimate:
    """Mean of `values - reference`, both `[learners]`: the same learners with the same luck."""
    return over_learners(values - reference, seed)


def better(values: Floats, reference: Floats) -> Floats:
    """1 where `values` is higher, 1/2 where both are equal (to 1e-9), 0 where it is lower."""
    difference = values - reference
    return np.where(np.abs(difference) <= TIE, 0.5, (difference > 0).astype(np.float64))


def p_improvement(values: Floats, reference: Floats, seed: int = 0) -> Estimate:
    """Share of learners `[learners]` with the higher value; ties count half."""
    return over_learners(better(values, reference), seed)


def headroom(values: Floats, baseline: Floats, best: Floats, seed: int = 0) -> Estimate:
    """Share of the way from `baseline` to `best` that `values` goes, all `[learners]`.

    (mean - baseline) / (best - baseline), never clipped: above 1 the policy beats the best known
    oracle.  nan, with a note, where the oracle's lead over the baseline may be nothing.
    """
    columns = np.stack([values, baseline, best], axis=1)
    return share_of_lead(columns.mean(axis=0), resampled_means(columns, seed=seed), len(values))


def share_of_lead(means: Floats, draws: Floats, n: int) -> Estimate:
    """`headroom` from the `means [3]` of policy, baseline and best and their `draws [resamples, 3]`."""
    missing = no_lead(draws[:, 2] - draws[:, 1], n)
    if missing:
        return Estimate(np.nan, np.nan, np.nan, THIS_POLICY, n, missing)
    value = (means[0] - means[1]) / (means[2] - means[1])
    return from_draws(float(value), (draws[:, 0] - draws[:, 1]) / (draws[:, 2] - draws[:, 1]), n)


def no_lead(draws: Floats, n: int) -> str:
    """Why there is no headroom to share, judged by the `draws` of the oracle's lead; "" if there is."""
    low, high = interval(draws, n)
    if high <= 0:
        return "the best known oracle is not above the baseline"
    if low <= 0:
        return "the best known oracle's lead over the baseline is not distinguishable from 0"
    return ""
