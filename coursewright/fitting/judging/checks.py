"""Curves of the log beside those of a fitted population, which should be alike.

Three checks, all of them accuracies in bins that the log's own sequence fixes: by opportunity on the
skill (learning), by opportunity skill by skill, and by the time since the skill was last met (retention).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from coursewright.data.log import UNTIMED
from coursewright.fitting.coded import Coded
from coursewright.fitting.groups import distinct
from coursewright.fitting.histories import Histories
from coursewright.fitting.judging.held_out import RESAMPLES, counts, units
from coursewright.fitting.judging.replay import Answers
from coursewright.simulators.arrays import Floats, Ints

FEWEST = 20  # answers that a bin needs
LEVEL = 0.95
ROUNDING = 1e-9  # days by which a gap may miss the edge of a bin, since floats add up
LAST = 10  # this opportunity and all later ones share a bin
MINUTE, HOUR = 1.0 / 1440.0, 1.0 / 24.0  # days
DELAYS = (MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 1.0, 3.0, 7.0, 30.0, 90.0)
DELAY_NAMES = (
    "<1 min",
    "1–10 min",
    "10–60 min",
    "1–6 h",
    "6–24 h",
    "1–3 d",
    "3–7 d",
    "1–4 wk",
    "1–3 mo",
    ">3 mo",
)
OPPORTUNITIES = (*(str(n) for n in range(1, LAST)), f"{LAST}+")
LEARNING, BY_SKILL, RETENTION = "opportunity", "skill", "delay"


@dataclass(frozen=True, eq=False)
class Check:
    """Accuracies in bins, of the log and of simulated replicates.

    group, place [bins] name a bin ("fractions", "3"); count [bins] is the number of answers in the log;
    data, low, high [bins] are the log's accuracy and its 95 % interval (learners resampled);
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
    def rmse(self) -> float:
        """The distance of the log from the replicates' mean, root mean square weighted by answers."""
        return float(self._distance(self.data, self.mean)) if len(self.data) else np.nan

    @property
    def p_value(self) -> float:
        """The share of logs, real or simulated, that are at least as far from all others as the real one.

        Exact, whatever the number of replicates, if the log were one more of them.
        """
        if not len(self.data):
            return np.nan
        every = np.vstack([self.data, self.simulated])
        others = (every.sum(axis=0) - every) / (len(every) - 1)
        far = np.array([self._distance(one, rest) for one, rest in zip(every, others, strict=True)])
        return float((far >= far[0] - 1e-12).mean())

    def _distance(self, one: Floats, other: Floats) -> float:
        return float(np.sqrt(np.average((one - other) ** 2, weights=self.count)))


class Bins(NamedTuple):
    """The bin of each exposure, `place [exposures]` (-1: none), and a (group, place) name for each bin."""

    check: str
    place: Ints
    names: Sequence[tuple[str, str]]


def checks(log: Coded, answers: Answers, seed: int = 0) -> list[Check]:
    """Compare the log with simulated `answers [replicates, rows]` by opportunity, by skill, by delay.

    Delays are left out, with the reason, where the log's times are made up.
    """
    met = Histories.of(log, "skill")
    turn = np.minimum(met.place, LAST - 1)
    later = (met.place > 0) & log.timed
    late = np.where(later, np.searchsorted(DELAYS, met.gap + ROUNDING, side="right"), -1)
    by_skill = [(skill, name) for skill in met.names for name in OPPORTUNITIES]
    made = (
        Bins(LEARNING, turn, [("", name) for name in OPPORTUNITIES]),
        Bins(BY_SKILL, met.code * LAST + turn, by_skill),
        Bins(RETENTION, late, [("", name) for name in DELAY_NAMES]),
    )
    found = [_check(bins, met.row, log, answers, seed) for bins in made]
    return found if log.timed else [*found[:-1], replace(found[-1], left_out=UNTIMED)]


def _check(bins: Bins, row: Ints, log: Coded, answers: Answers, seed: int) -> Check:
    """Count right answers per bin of the exposures in `row [exposures]`, in the log and in replicates.

    Rows that no replicate answers, since its learners know nothing of their items, count in neither.
    """
    n, correct = len(bins.names), log.correct
    used = (bins.place >= 0) & (correct[row] >= 0) & np.any(answers >= 0, axis=0)[row]
    bin_, row = bins.place[used], row[used]
    count = np.bincount(bin_, minlength=n)
    met = distinct(log.learner[row], bin_, n)
    kept = np.flatnonzero((count >= FEWEST) & (met >= log.min_group))
    simulated = np.array([_accuracy(bin_, replay[row], n)[kept] for replay in answers])
    low, high = _interval(bin_, correct[row], units(log.learner)[row], n, seed)
    filled = np.isfinite(simulated).all(axis=0)  # a draw's simulator may know none of the bin's items
    kept, simulated = kept[filled], simulated[:, filled]
    return Check(
        name=bins.check,
        group=tuple(bins.names[b][0] for b in kept),
        place=tuple(bins.names[b][1] for b in kept),
        count=count[kept],
        data=_accuracy(bin_, correct[row], n)[kept],
        low=low[kept],
        high=high[kept],
        simulated=simulated,
    )


def _accuracy(bin_: Ints, correct: np.ndarray, bins: int) -> Floats:
    """Share of right answers in each bin `[bins]`, over those that were given; nan in an empty bin."""
    given = correct >= 0
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.bincount(bin_[given], weights=correct[given], minlength=bins)
            / np.bincount(bin_[given], minlength=bins)
        )


def _interval(bin_: Ints, correct: np.ndarray, unit: Ints, bins: int, seed: int) -> tuple[Floats, Floats]:
    """95 % percentile interval `[bins]` of the accuracy when whole learners are resampled."""
    shape = (bins, int(unit.max(initial=0)) + 1)
    # As floats: sums of int8 would come round again at 128.
    right = csr_matrix((correct.astype(np.float64), (bin_, unit)), shape)
    asked = csr_matrix((np.ones(len(unit)), (bin_, unit)), shape)
    with np.errstate(invalid="ignore"):
        draws = np.array([right @ w / (asked @ w) for w in counts(shape[1], RESAMPLES, seed)])
        draws[:, ~np.isfinite(draws).any(axis=0)] = 0.0
        low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high
