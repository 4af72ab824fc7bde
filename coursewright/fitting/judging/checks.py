"""A statistic of the log beside the same one of simulated logs, which should be alike.

A check is a statistic in bins (`measures.py`), of the log's answers and of each replicate's (`replay.py`).
A model passes it where the log could be one more replicate, and where the replicates say something: bands
that are far wider than the log's own intervals hold any log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coursewright.fitting.coded import Coded, Signs
from coursewright.fitting.judging.accuracy import by_delay, by_length, by_opportunity, by_skill
from coursewright.fitting.judging.held_out import RESAMPLES, counts, units
from coursewright.fitting.judging.measures import Measure, Sample
from coursewright.fitting.judging.neighbours import autocorrelation, repeats
from coursewright.fitting.judging.replay import Answers
from coursewright.fitting.judging.spread import spread
from coursewright.fitting.judging.within_pairs import within_pairs
from coursewright.simulators.arrays import Floats, Ints

FEWEST = 20  # answers that a bin needs
LEVEL = 0.95
LEAST_P = 0.05  # of a check that is passed
LEAST_INSIDE = 0.8  # of its points; a true model has .95, and all of them far less often
VAGUE = (
    3.0  # times the log's own interval; a true model's band is once to twice as wide (ability is drawn anew)
)
MEASURES = (within_pairs, by_opportunity, by_skill, by_delay, by_length, spread, repeats, autocorrelation)


@dataclass(frozen=True, eq=False)
class Check:
    """A statistic in bins, of the log and of simulated replicates.

    group, place [bins] name a bin ("fractions", "3"); count [bins] is the number of answers in the log;
    data, low, high [bins] are the log's statistic and its 95 % interval (learners resampled);
    simulated [replicates, bins].  Bins with fewer than 20 answers, or with fewer learners than the log's
    `min_group`, are left out; `left_out` is the reason where the check says nothing of this log at all.
    """

    name: str
    group: tuple[str, ...]
    place: tuple[str, ...]
    count: Ints
    data: Floats
    low: Floats
    high: Floats
    simulated: Floats
    left_out: str = ""

    @property
    def mean(self) -> Floats:
        """The replicates' mean `[bins]`."""
        return np.asarray(self.simulated.mean(axis=0))

    @cached_property
    def band(self) -> tuple[Floats, Floats]:
        """Between these a further replicate falls with probability 95 % (exactly, from 39 replicates on)."""
        low, high = np.quantile(self.simulated, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0, method="weibull")
        return low, high

    @property
    def inside(self) -> np.ndarray:
        """True where a bin of the log lies inside the band, `[bins]`."""
        low, high = self.band
        return np.asarray((self.data >= low - 1e-12) & (self.data <= high + 1e-12))

    @property
    def share_inside(self) -> float:
        """Share of bins inside the band: .95 in expectation if the model were true; nan without bins."""
        return float(self.inside.mean()) if len(self.data) else np.nan

    @property
    def width(self) -> float:
        """The width of the band, mean over bins weighted by answers; nan without bins."""
        low, high = self.band
        return self._mean(high - low)

    @property
    def log_width(self) -> float:
        """The width of the log's own interval, likewise."""
        return self._mean(self.high - self.low)

    @property
    def rmse(self) -> float:
        """The distance of the log from the replicates' mean, root mean square weighted by answers."""
        return float(np.sqrt(self._mean((self.data - self.mean) ** 2)))

    @cached_property
    def p_value(self) -> float:
        """The share of logs, real or simulated, that are at least as far from all others as the real one.

        Exact, whatever the number of replicates, if the log were one more of them.
        """
        if not len(self.data):
            return np.nan
        every = np.vstack([self.data, self.simulated])
        others = (every.sum(axis=0) - every) / (len(every) - 1)
        far = np.sqrt(np.average((every - others) ** 2, axis=1, weights=self.count))
        return float((far >= far[0] - 1e-12).mean())

    @property
    def vague(self) -> bool:
        """True where the band is more than three times as wide as the log's own interval."""
        return self.width > VAGUE * self.log_width

    @property
    def passes(self) -> bool:
        """True where p is at least .05, .8 of the bins lie inside, and the band is not vague."""
        return self.p_value >= LEAST_P and self.share_inside >= LEAST_INSIDE and not self.vague

    def _mean(self, values: Floats) -> float:
        return float(np.average(values, weights=self.count)) if len(values) else np.nan


def checks(log: Coded, answers: Answers, seed: int = 0) -> list[Check]:
    """Compare the log with simulated `answers [replicates, rows]` by each of `MEASURES`.

    Rows that no replicate answers, since its learners know nothing of their items, count in neither.
    """
    real = np.where(np.any(answers >= 0, axis=0), log.correct, -1).astype(np.int8)
    asked = log.correct >= 0
    simulated = [np.where(asked, replicate, -1).astype(np.int8) for replicate in answers]
    return [_check(measure(log), log, real, simulated, seed) for measure in MEASURES]


def _check(measure: Measure, log: Coded, real: Signs, simulated: Sequence[Signs], seed: int) -> Check:
    """One measure of the real answers `[rows]` and of each of the simulated ones."""
    nothing = np.empty(0)
    if measure.left_out:
        empty = nothing.reshape(len(simulated), 0)
        return Check(
            measure.name, (), (), np.empty(0, np.int64), nothing, nothing, nothing, empty, measure.left_out
        )
    sample = measure.of(real)
    kept = np.flatnonzero((sample.count >= FEWEST) & (sample.learners >= log.min_group))
    replicates = np.array([measure.of(answers).values()[kept] for answers in simulated])
    filled = np.isfinite(replicates).all(axis=0)  # a draw's simulator may know none of the bin's items
    kept, replicates = kept[filled], replicates[:, filled]
    low, high = _interval(sample, units(log.learner), seed)
    least = "one learner" if log.min_group == 1 else f"{log.min_group} learners"
    return Check(
        name=measure.name,
        group=tuple(measure.bins[b][0] for b in kept),
        place=tuple(measure.bins[b][1] for b in kept),
        count=sample.count[kept],
        data=sample.values()[kept],
        low=low[kept],
        high=high[kept],
        simulated=replicates,
        left_out="" if len(kept) else f"no bin has {FEWEST} answers of {least}",
    )


def _interval(sample: Sample, unit: Ints, seed: int) -> tuple[Floats, Floats]:
    """95 % percentile interval `[bins]` of a statistic when whole learners are resampled."""
    draws = sample.resampled(unit, counts(int(unit.max()) + 1, RESAMPLES, seed))
    draws[:, ~np.isfinite(draws).any(axis=0)] = 0.0
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high
