"""The doubt in a fit that comes from the choice of learners in the log: refits to resampled learners."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coursewright.errors import InputError, reject
from coursewright.fitting.coded import Coded
from coursewright.fitting.model import Estimates, Fitted, LearnerModel, Redrawing
from coursewright.progress import each
from coursewright.simulators.arrays import Floats

LEVEL = 0.95
WIDE = 0.5  # an interval of a probability above this, or ...
COVERS = 0.8  # ... above this share of the range of its kind's estimates, says hardly anything
KIND = 5  # parameters that a kind needs for its range to mean something
TIED = 0.95  # parameters correlated above this over draws cannot be told apart
FEWEST_DRAWS = 20  # for correlations, and for the ends of an interval
BLOCK = 512  # parameters correlated with all others at a time
SHOWN = 6


def refits(log: Coded, model: LearnerModel, draws: int, seed: int = 0) -> list[Fitted]:
    """Fit `model` to `draws` resamples of the learners of `log`, each under a name of its own.

    A resample that cannot be fitted (it may hold one outcome only) is left out.  Raises `InputError`
    for negative draws, and for draws from a log of one learner.
    """
    check_draws(log, draws)
    learners = len(log.learners)
    rng = np.random.default_rng(seed)
    fitted = []
    for _ in each(range(draws), f"{model.name}: refits", "refits"):
        try:
            fitted.append(model.fit(log.resampled(rng.integers(0, learners, learners))))
        except InputError:
            continue
    return fitted


def redrawn(
    fitted: Fitted, log: Coded, model: LearnerModel, draws: int, seed: int = 0
) -> tuple[Fitted, Sequence[Fitted]]:
    """The fit of `model` to `log`, and draws of it: by its own way if it has one, by `refits` otherwise.

    Raises `InputError` as `refits` does.
    """
    check_draws(log, draws)
    if draws and isinstance(fitted, Redrawing):
        return fitted.redrawn(log, draws, seed)
    return fitted, refits(log, model, draws, seed)


def check_draws(log: Coded, draws: int) -> None:
    """Raise `InputError` for negative draws, and for draws from a log of one learner."""
    if draws < 0:
        raise reject("draws", draws, "0 (no intervals) or more")
    if draws and len(log.learners) < 2:
        raise reject("draws", draws, "0: a log of one learner leaves no learners to resample")


@dataclass(frozen=True, eq=False)
class Doubt:
    """Estimates with their intervals by refits.

    values, low, high [parameters], low and high nan without refits; draws [refits, parameters], nan where a
    refit lacks the parameter.
    """

    names: tuple[str, ...]
    values: Floats
    low: Floats
    high: Floats
    draws: Floats

    @classmethod
    def of(cls, estimates: Estimates, fitted: Sequence[Fitted]) -> "Doubt":
        """Percentile intervals (95 %) over the refits that have the parameter, if that is at least half."""
        place = {name: k for k, name in enumerate(estimates.names)}
        draws = np.full((len(fitted), len(place)), np.nan)
        for row, refit in zip(draws, fitted, strict=True):
            names, values = refit.estimates()
            for name, value in zip(names, values, strict=True):
                if name in place:
                    row[place[name]] = value
        low, high = np.full((2, len(place)), np.nan)
        often = np.isfinite(draws).sum(axis=0) >= max(2, len(fitted) / 2)
        if often.any():
            ends = np.nanquantile(draws[:, often], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
            low[often], high[often] = ends
        return cls(tuple(estimates.names), np.asarray(estimates.values), low, high, draws)

    def warnings(self) -> list[str]:
        """The gaps that the log left in the fit, with the thresholds that say so."""
        if not np.isfinite(self.low).any():
            return []
        lines = []
        vague = self._vague()
        if vague:
            lines.append(
                f"95 % interval wider than {WIDE:g} (a probability) or than {COVERS:.0%} of the range of all "
                f"estimates of its kind (others): {_listed(vague)} of {len(self.names)} parameters"
            )
        tied = self._tied()
        if tied:
            lines.append(
                f"correlated over the draws with |r| > {TIED:g}: {_listed(tied)} pairs of parameters"
            )
        return lines

    def _vague(self) -> list[str]:
        kinds = np.array([name.partition("[")[0] for name in self.names])
        vague = np.zeros(len(kinds), bool)
        for kind in np.unique(kinds):
            mine = kinds == kind
            drawn = self.draws[:, mine]
            probabilities = (
                np.nanmin(drawn, initial=np.inf) >= 0.0 and np.nanmax(drawn, initial=-np.inf) <= 1.0
            )
            width = self.high[mine] - self.low[mine]
            if probabilities:
                vague[mine] = width > WIDE
            elif mine.sum() >= KIND:
                vague[mine] = width > COVERS * np.ptp(self.values[mine])
        return [self.names[k] for k in np.flatnonzero(vague)]

    def _tied(self) -> list[str]:
        if len(self.draws) < FEWEST_DRAWS:
            return []
        deviation = np.nan_to_num(self.draws - np.nanmean(self.draws, axis=0))
        spread = np.sqrt((deviation**2).sum(axis=0))
        moving = np.flatnonzero(spread > 1e-9 * np.maximum(1.0, np.abs(self.values)))
        unit = deviation[:, moving] / spread[moving]
        pairs = []
        for first in range(0, len(moving), BLOCK):
            r = np.triu(unit[:, first : first + BLOCK].T @ unit, first + 1)
            pairs += [
                f"{self.names[moving[first + a]]} and {self.names[moving[b]]}"
                for a, b in np.argwhere(np.abs(r) > TIED)
            ]
        return pairs


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''})"
