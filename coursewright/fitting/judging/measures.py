"""Statistics in bins: a few numbers that any answers to a log's rows have, real ones or simulated ones.

A measure is a function of a log to a `Measure`, which knows its bins and turns answers into a `Sample`.  It
looks at everything of the log but its answers: these are treated like any others, so that the comparison
with simulated ones is fair (and its p-value exact).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy.sparse import csr_matrix

from coursewright.fitting.coded import Coded, Signs
from coursewright.fitting.groups import distinct
from coursewright.simulators.arrays import Floats, Ints

TYPICAL = 5.0  # answers that draw an item's accuracy to that of all, since rare items say little


class Sample(Protocol):
    """The statistic of one set of answers."""

    @property
    def count(self) -> Ints:
        """The number of answers in each bin `[bins]`."""
        ...

    @property
    def learners(self) -> Ints:
        """The number of learners in each bin `[bins]`."""
        ...

    def values(self) -> Floats:
        """The statistic `[bins]`; nan where nothing was answered."""
        ...

    def resampled(self, unit: Ints, times: Iterable[Floats]) -> Floats:
        """The statistic `[draws, bins]` when the rows of each `unit [rows]` count so many `times [units]`."""
        ...


class Measure(NamedTuple):
    """A statistic: its name, a (group, place) name for each bin, and the way from answers `[rows]` to it.

    `left_out` is the reason where the log does not have it, whatever the answers.
    """

    name: str
    bins: Sequence[tuple[str, str]]
    of: Callable[[Signs], Sample]
    left_out: str = ""


@dataclass(frozen=True, eq=False)
class Means:
    """Means in `bins` bins: an entry adds `value` above, and `weight` below, the line of its bin.

    at, row, value, weight `[entries]`: the bin, the row of the log, and the numbers; `learner [rows]`.
    """

    bins: int
    learner: Ints
    at: Ints
    row: Ints
    value: Floats
    weight: Floats

    @classmethod
    def plain(cls, log: Coded, bins: int, at: Ints, row: Ints, value: Floats) -> "Means":
        """Each entry counts once."""
        return cls(bins, log.learner, at, row, value, np.ones(len(row)))

    @property
    def count(self) -> Ints:
        """The number of entries in each bin."""
        return np.bincount(self.at, minlength=self.bins)

    @property
    def learners(self) -> Ints:
        """The number of learners in each bin."""
        return distinct(self.learner[self.row], self.at, self.bins)

    def values(self) -> Floats:
        """The mean of each bin."""
        above, below = (np.bincount(self.at, of, minlength=self.bins) for of in (self.value, self.weight))
        with np.errstate(invalid="ignore"):
            return np.asarray(above / below)

    def resampled(self, unit: Ints, times: Iterable[Floats]) -> Floats:
        """The means of resampled rows; sums over each unit are made once."""
        shape, cell = (self.bins, int(unit.max()) + 1), (self.at, unit[self.row])
        above, below = (csr_matrix((of, cell), shape) for of in (self.value, self.weight))
        with np.errstate(invalid="ignore"):
            return np.array([above @ often / (below @ often) for often in times])


def residuals(log: Coded, correct: Signs) -> Floats:
    """Each answer minus the accuracy of its item in the same answers `[rows]`; nan where there is none.

    An item's accuracy is drawn to that of all items, as if five typical answers had been given beside.
    Items that are pooled under one name are still told apart.
    """
    item, names = log.finest
    given = correct >= 0
    asked = np.bincount(item[given], minlength=len(names))
    right = np.bincount(item[given], correct[given], minlength=len(names))
    mean = right.sum() / max(1, asked.sum())
    expected = (right + TYPICAL * mean) / (asked + TYPICAL)
    return np.where(given, correct - expected[item], np.nan)


def centred(value: Floats, owner: Ints) -> Floats:
    """Values minus the mean of all that have the same `owner`, `[entries]`."""
    with np.errstate(invalid="ignore"):
        return np.asarray(value - (np.bincount(owner, value) / np.bincount(owner))[owner])


def unnamed(places: Iterable[str]) -> list[tuple[str, str]]:
    """The names of bins that belong to no group."""
    return [("", place) for place in places]
