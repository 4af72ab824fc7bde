"""The verdict of null worlds on a model: fit to train policies, unfit, or told by too little.

Each world gives one fit, and so one gain.  The mean over worlds estimates what the model invents on such a
log, and their scatter says how well.  A verdict takes evidence in either direction, from 95 % intervals
(Student's t over worlds, since the scatter of five is itself a guess).  *Fit*: all of them lie inside the
bounds, as in a test of equivalence (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15: 657-680).  *Unfit*: one
lies outside.  Anything else is no fault of the model: this log, in so few worlds, cannot tell.  A mean inside
the bounds is not enough, since the fits to a class of thirty learners scatter by more than the bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import t

from coursewright.fitting.judging.null_world import Gains
from coursewright.simulators.arrays import Floats

MOST_GAIN, MOST_SPREAD = 0.03, 0.15  # bounds of what a model may invent: in P(correct), in log odds
LEVEL = 0.95
LEARNING, FORGETTING, DIFFERENCES = "learning", "forgetting", "differences between learners"
NOTHING, UNTOLD = "nothing", "cannot tell"


@dataclass(frozen=True, eq=False)
class Measured:
    """The gains of practice in null worlds, each figure a `Gains [levels]`: mean, standard error, interval.

    A level that fewer than two worlds know has nan.
    """

    mean: Gains
    error: Gains
    low: Gains
    high: Gains

    @classmethod
    def of(cls, worlds: Gains) -> "Measured":
        """The figures of `worlds`, whose gain and spread are `[worlds, levels]`."""
        parts = [_interval(np.asarray(each)) for each in worlds]
        return cls(*(Gains(*both) for both in zip(*parts, strict=True)))

    @classmethod
    def nothing(cls, levels: int) -> "Measured":
        """No figure of any level: no world was made."""
        return cls.of(Gains(*np.full((2, 2, levels), np.nan)))

    @cached_property
    def invents(self) -> tuple[str, ...]:
        """The effects of practice that are clearly more than the bounds allow; none is no acquittal."""
        found = {
            LEARNING: self.low.gain > MOST_GAIN,
            FORGETTING: self.high.gain < -MOST_GAIN,
            DIFFERENCES: self.low.spread > MOST_SPREAD,
        }
        return tuple(name for name, clear in found.items() if clear.any())

    @property
    def fits(self) -> np.ndarray:
        """True for each level whose intervals lie inside the bounds, `[levels]`; unknown levels do."""
        inside = (self.low.gain >= -MOST_GAIN) & (self.high.gain <= MOST_GAIN)
        return np.asarray((inside & (self.high.spread <= MOST_SPREAD)) | np.isnan(self.mean.gain))

    @property
    def fails(self) -> np.ndarray:
        """True for each level with an interval outside the bounds, `[levels]`."""
        beyond = (self.low.gain > MOST_GAIN) | (self.high.gain < -MOST_GAIN)
        return np.asarray(beyond | (self.low.spread > MOST_SPREAD))

    @property
    def known(self) -> bool:
        """True where some level has figures."""
        return bool(np.isfinite(self.mean.gain).any())

    @property
    def verdict(self) -> str:
        """The things that the model invents, in words; `NOTHING`; `UNTOLD`; or "" where nothing is known."""
        if not self.known:
            return ""
        return listed(self.invents) or (NOTHING if self.fits.all() else UNTOLD)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _interval(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, standard error, and both ends of the interval over `values [worlds, levels]`; nan is unknown."""
    known = np.isfinite(values)
    n = known.sum(axis=0)
    enough = n >= 2
    size = np.where(enough, n, 2)
    mean = np.where(enough, np.where(known, values, 0.0).sum(axis=0) / size, np.nan)
    square = np.where(known, values - mean, 0.0) ** 2
    error = np.where(enough, np.sqrt(square.sum(axis=0) / (size - 1) / size), np.nan)
    reach = t.ppf((1 + LEVEL) / 2, size - 1) * error
    return mean, error, mean - reach, mean + reach
