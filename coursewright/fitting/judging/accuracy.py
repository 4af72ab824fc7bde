"""The share of right answers by opportunity, by skill, by delay, and by the length of a learner's record."""

from collections.abc import Sequence

import numpy as np

from coursewright.data.log import UNTIMED
from coursewright.fitting.coded import Coded, Signs
from coursewright.fitting.histories import Histories
from coursewright.fitting.judging.measures import Means, Measure, unnamed
from coursewright.simulators.arrays import Ints

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
LENGTHS = (10, 20, 100)  # rows
LENGTH_NAMES = ("1–9", "10–19", "20–99", "100+")
LEARNING, BY_SKILL, RETENTION, LENGTH = "opportunity", "skill", "delay", "length"


def by_opportunity(log: Coded) -> Measure:
    """Accuracy by opportunity on the skill: who stays and learning, together."""
    met = Histories.of(log, "skill")
    return _accuracy(LEARNING, unnamed(OPPORTUNITIES), log, met.row, _turn(met))


def by_skill(log: Coded) -> Measure:
    """The same, skill by skill."""
    met = Histories.of(log, "skill")
    names = [(skill, name) for skill in met.names for name in OPPORTUNITIES]
    return _accuracy(BY_SKILL, names, log, met.row, met.code * LAST + _turn(met))


def by_delay(log: Coded) -> Measure:
    """Accuracy by the time since the skill was last met; left out where the log's times are made up."""
    met = Histories.of(log, "skill")
    late = np.searchsorted(DELAYS, met.gap + ROUNDING, side="right")
    measure = _accuracy(RETENTION, unnamed(DELAY_NAMES), log, met.row, np.where(met.place > 0, late, -1))
    return measure if log.timed else measure._replace(left_out=UNTIMED)


def by_length(log: Coded) -> Measure:
    """Accuracy by the number of rows of the learner; left out where all records are about as long."""
    rows = np.diff(log.start)[log.learner]
    length = np.searchsorted(LENGTHS, rows, side="right")
    measure = _accuracy(LENGTH, unnamed(LENGTH_NAMES), log, np.arange(log.rows), length)
    alike = length.min() == length.max()
    return measure._replace(left_out="all records are about as long") if alike else measure


def _turn(met: Histories) -> Ints:
    """The bin of each entry's opportunity `[entries]`."""
    return np.minimum(met.place, LAST - 1)


def _accuracy(name: str, bins: Sequence[tuple[str, str]], log: Coded, row: Ints, at: Ints) -> Measure:
    """The share right in each bin; `row`, `at` are the row and the bin (-1: none) of each of `[entries]`."""

    def of(correct: Signs) -> Means:
        used = (at >= 0) & (correct[row] >= 0)
        return Means.plain(log, len(bins), at[used], row[used], correct[row[used]].astype(np.float64))

    return Measure(name, bins, of)
