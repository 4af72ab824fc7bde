"""Means with intervals, each under the name of its estimand.

Two estimands.  *This policy*: the exported policy is given and learners are drawn anew (bootstrap over
learners).  *This training recipe*: training is repeated with another seed (Student's t over at least
five seeds, on the same learners).  Policies meet the same learners with the same luck, so differences
are paired, learner by learner.

Bootstrap intervals are percentile intervals, widened for small samples as in Hesterberg, "What
Teachers Should Know About the Bootstrap", The American Statistician 69(4), 2015, section 5.3.  They
stay within the range of the estimand, which shares and probabilities need.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from coursewright.errors import reject
from coursewright.simulators.arrays import Floats

THIS_POLICY = "this policy"
THIS_RECIPE = "this training recipe"
LEVEL = 0.95
RESAMPLES = 2000
FEWEST_SEEDS = 5  # fewer say too little about a training recipe
TIE = 1e-9  # returns are sums of rounded numbers: a smaller difference is none
BEST = "the best known oracle"
CELLS = 1 << 20  # resampling weights held as floats at a time


class Estimate(NamedTuple):
    """A figure with its doubt.

    `value` with the 95 % interval from `low` to `high`; `estimand` names the subject of the interval and
    `n` is its number of learners (or seeds).  Where `value` is nan, `note` names the reason.
    """

    value: float
    low: float
    high: float
    estimand: str
    n: int
    note: str = ""


@dataclass(frozen=True, eq=False)
class Resamples:
    """Bootstrap resamples of `n` learners: whole learners with replacement, so that figures stay paired.

    The same seed and number of learners are the same resamples, whatever is averaged over them.
    """

    n: int
    seed: int = 0
    resamples: int = RESAMPLES

    def __post_init__(self) -> None:
        if self.n < 2:
            raise reject("learners", self.n, "at least 2, as resampling needs")
        if self.resamples < 100:
            raise reject("resamples", self.resamples, "a whole number >= 100")

    @cached_property
    def counts(self) -> npt.NDArray[np.uint8]:
        """The number of times each learner is in each resample, `[resamples, n]`; ten is very rare."""
        rng = np.random.default_rng(self.seed)
        counts = np.empty((self.resamples, self.n), np.uint8)
        for part in self._parts():
            rows = part.stop - part.start
            drawn = rng.integers(0, self.n, size=(rows, self.n)) + self.n * np.arange(rows)[:, None]
            counts[part] = np.bincount(drawn.ravel(), minlength=rows * self.n).reshape(rows, self.n)
        return counts

    def means(self, values: Floats) -> Floats:
        """Bootstrap means `[resamples, columns]` of `values [n, columns]`."""
        centre = values.mean(axis=0)
        deviations = values - centre  # small numbers: a constant column stays constant
        means = np.empty((self.resamples, values.shape[1]))
        for part in self._parts():
            means[part] = centre + self.counts[part].astype(np.float64) @ deviations / self.n
        return means

    def _parts(self) -> Iterator[slice]:
        size = max(1, CELLS // self.n)
        for first in range(0, self.resamples, size):
            yield slice(first, min(first + size, self.resamples))


def interval(draws: Floats, n: int, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Lower and upper bound from bootstrap `draws [resamples, ...]` that rest on `n` learners.

    Tail probability Phi(-sqrt(n / (n - 1)) t_{n-1}) instead of (1 - level)/2: on normal data this is
    Student's t interval.
    """
    reach = np.sqrt(n / (n - 1)) * stats.t.ppf(0.5 + level / 2, n - 1)
    tail = stats.norm.cdf(-reach)
    low, high = np.quantile(draws, [tail, 1.0 - tail], axis=0)
    return low, high


def from_draws(value: float, draws: Floats, n: int, estimand: str = THIS_POLICY) -> Estimate:
    """The estimate `value` with the interval of its bootstrap `draws [resamples]`."""
    low, high = interval(draws, n)
    return Estimate(value, float(low), float(high), estimand, n)


def over_learners(values: Floats, seed: int = 0) -> Estimate:
    """Mean of `values [learners]` for the estimand "this policy"."""
    draws = Resamples(len(values), seed).means(values[:, None])[:, 0]
    return from_draws(float(values.mean()), draws, len(values))


def over_normal(values: Floats) -> Estimate:
    """Mean of `values [learners]` for "this policy" by Student's t: quicker than `over_learners`."""
    n, mean = len(values), float(values.mean())
    half = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, THIS_POLICY, n)


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


def unknown_because(note: str, n: int, estimand: str = THIS_POLICY) -> Estimate:
    """No number, and why."""
    return Estimate(np.nan, np.nan, np.nan, estimand, n, note)


def better(values: Floats, reference: Floats) -> Floats:
    """1 where `values` is higher, 1/2 where both are equal (to 1e-9), 0 where it is lower."""
    difference = values - reference
    return np.where(np.abs(difference) <= TIE, 0.5, (difference > 0).astype(np.float64))


def share_of_lead(means: Floats, draws: Floats, n: int, best: str = BEST) -> Estimate:
    """Share of the way from a baseline to the best that a policy goes, never clipped.

    `means [3]` of policy, baseline and best, and their bootstrap `draws [resamples, 3]`; `best` names the
    last.  Above 1 the policy beats it; nan, with a note, where its lead may be nothing.  The few draws
    without a lead, which has a sign by then, have no share either.
    """
    lead = draws[:, 2] - draws[:, 1]
    missing = no_lead(lead, n, best)
    if missing:
        return unknown_because(missing, n)
    value = (means[0] - means[1]) / (means[2] - means[1])
    shared = lead > 0
    return from_draws(float(value), (draws[shared, 0] - draws[shared, 1]) / lead[shared], n)


def no_lead(draws: Floats, n: int, best: str = BEST) -> str:
    """The reason for no lead to share, by the `draws` of the lead of the `best`; "" if there is some."""
    low, high = interval(draws, n)
    if high <= 0:
        return f"{best} is not above the baseline"
    if low <= 0:
        return f"the lead of {best} over the baseline is not distinguishable from 0"
    return ""
