"""Schedules of a deck of DHP items: SSP-MMC's value iteration, a threshold on recall, and MEMORIZE.

Ye, Su & Cao, "A stochastic shortest path algorithm for optimizing spaced repetition scheduling", KDD 2022:
the interval minimises the expected seconds until an item's half-life h reaches the goal.  With p = 2^(-t / h)

    V(h, d) = min over t of  p (recall + V(h after recall, d)) + (1 - p) (lapse + V(h after lapse, d + 2))

and V = 0 from the goal on.  The grid is h = 1.05^k days for k from -30 to 121 by d from 1 to 18, and t runs
from 1 day to h ln .3 / ln .5.  An item in between counts as the nearest grid point.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.memory.dhp import HARDEST, after_lapse, after_recall, recall

BASE, FIRST, LAST = 1.05, -30, 121
LEAST_RECALL = 0.3  # the longest interval that is weighed
HARDER = 2.0  # difficulty that a lapse adds


class Seconds(NamedTuple):
    """The seconds that a recall, a lapse and a new item take."""

    recall: float = 3.0
    lapse: float = 9.0
    new: float = 6.0


SECONDS = Seconds()


class Spaced(Protocol):
    """A schedule of a deck: intervals by half-life and difficulty."""

    def intervals(self, halflife: Floats, difficulty: Floats, draw: Floats) -> Floats:
        """Whole days >= 1 until the next review, `[items]`; `draw [items]` is uniform on [0, 1)."""
        ...


@inlined
def _place(halflife: float) -> int:
    """The nearest grid point of a half-life."""
    return int(min(max(np.rint(np.log(halflife) / np.log(BASE)), FIRST), LAST)) - FIRST


@kernel
def _improve(goal: float, seconds: Seconds, value: Floats, days: Ints) -> float:
    """One sweep, in place; the largest change of a value."""
    moved = 0.0
    for k in range(value.shape[0] - 1, -1, -1):
        halflife = BASE ** (k + FIRST)
        if halflife >= goal:
            continue
        for d in range(value.shape[1]):
            best, difficulty = np.inf, d + 1.0
            harder = int(min(difficulty + HARDER, HARDEST)) - 1
            longest = max(1, int(np.rint(halflife * np.log(LEAST_RECALL) / np.log(0.5))))
            for t in range(1, longest + 1):
                p = recall(halflife, t)
                right = after_recall(halflife, difficulty, p)
                known = seconds.recall + (0.0 if right >= goal else value[_place(right), d])
                lost = seconds.lapse + value[_place(after_lapse(halflife, difficulty, p)), harder]
                if p * known + (1.0 - p) * lost < best:
                    best = p * known + (1.0 - p) * lost
                    days[k, d] = t
            moved = max(moved, abs(best - value[k, d])) if value[k, d] < np.inf else np.inf
            value[k, d] = best
    return moved


@dataclass(frozen=True, eq=False)
class SspMmc:
    """The schedule with the fewest expected seconds until the half-life is `goal` days."""

    goal: float = 360.0
    seconds: Seconds = SECONDS

    def __post_init__(self) -> None:
        if not BASE**FIRST < self.goal <= BASE**LAST:
            raise reject("goal", self.goal, f"days in ({BASE**FIRST:.3g}, {BASE**LAST:.3g}]")

    @cached_property
    def table(self) -> tuple[Floats, Ints]:
        """Expected seconds and best intervals, `[half-lives, difficulties]`."""
        shape = LAST - FIRST + 1, int(HARDEST)
        value, days = np.full(shape, 1e4), np.ones(shape, np.int64)
        value[BASE ** np.arange(FIRST, LAST + 1.0) >= self.goal] = 0.0
        while _improve(float(self.goal), self.seconds, value, days) > 1e-3:
            pass
        return value, days

    def intervals(self, halflife: Floats, difficulty: Floats, draw: Floats) -> Floats:
        """See `Spaced`."""
        place = np.clip(np.rint(np.log(halflife) / np.log(BASE)), FIRST, LAST).astype(np.int64) - FIRST
        return np.asarray(self.table[1][place, difficulty.astype(np.int64) - 1], np.float64)


@dataclass(frozen=True)
class Threshold:
    """A review when recall has fallen to `recall`."""

    recall: float = 0.86

    def __post_init__(self) -> None:
        if not 0.0 < self.recall < 1.0:
            raise reject("recall", self.recall, "a probability in (0, 1)")

    def intervals(self, halflife: Floats, difficulty: Floats, draw: Floats) -> Floats:
        """See `Spaced`."""
        return np.asarray(np.maximum(np.rint(halflife * np.log2(1.0 / self.recall)), 1.0))


@dataclass(frozen=True)
class Memorize:
    """MEMORIZE (Tabibian et al., PNAS 2019): reviews at random, with the intensity (1 - m(t)) / sqrt(q).

    m(t) = exp(-n t) is recall after t days, with n = ln 2 / h here.  The time to the first review is drawn
    by inverting its cumulated intensity, (t - (1 - exp(-n t)) / n) / sqrt(q), which is a thinning's law.
    """

    q: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.q < np.inf:
            raise reject("q", self.q, "a positive, finite number")

    def intervals(self, halflife: Floats, difficulty: Floats, draw: Floats) -> Floats:
        """See `Spaced`."""
        rate, wanted = np.log(2.0) / halflife, -np.log1p(-draw) * np.sqrt(self.q)
        low, high = wanted.copy(), wanted + 1.0 / rate  # t - 1/n <= t - (1 - exp(-n t)) / n <= t
        for _ in range(60):
            middle = 0.5 * (low + high)
            short = middle - (1.0 - np.exp(-rate * middle)) / rate < wanted
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return np.asarray(np.maximum(np.rint(high), 1.0))
