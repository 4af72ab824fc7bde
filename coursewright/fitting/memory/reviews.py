"""A log regrouped for memory models: for each learner and item, its reviews in order."""

from typing import NamedTuple

import numpy as np

from coursewright.fitting.coded import Coded
from coursewright.fitting.histories import Histories
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.memory.fsrs import AGAIN, GOOD, HARD, ROUNDING


class Reviews(NamedTuple):
    """The rows of a log in order of learner, item and time.

    History h (one learner's reviews of one item) holds the reviews `start[h]` to `start[h + 1]`; `start` is
    `[histories + 1]`, all other arrays are `[reviews]`: `row` of the log, `item` as a place in `items`,
    `gap` in days since the last review of the same history (0 at the first), `day`, `correct` (1, 0 or -1:
    nothing was asked) and `grade` 1..4 (Again, Hard, Good, Easy).
    """

    start: Ints
    row: Ints
    item: Ints
    items: tuple[str, ...]
    gap: Floats
    day: Floats
    correct: Ints
    grade: Ints

    @property
    def first(self) -> Bools:
        """True where a review is the first of its history, `[reviews]`."""
        first = np.zeros(len(self.row), bool)
        first[self.start[:-1]] = True
        return first

    @property
    def dates(self) -> Floats:
        """Midnights of the log's clock since the last review of the history `[reviews]`; 0 at the first."""
        date = np.floor(self.day + ROUNDING)
        return np.asarray(np.where(self.first, 0.0, np.diff(date, prepend=date[:1])))

    def in_rows(self, values: Floats) -> Floats:
        """Put `values [reviews]` into the order of the log's rows."""
        out = np.empty(len(values))
        out[self.row] = values
        return out


def reviews_of(log: Coded, grades: bool = True) -> Reviews:
    """The answers of `log`, item by item.

    Wrong answers are graded Again.  Right ones are graded by the log's column `grade` (1/3, 2/3, 1: Hard,
    Good, Easy; anything lower counts as Hard), or Good where it is unknown or not wanted (`grades`).
    """
    of = Histories.of(log, "item")
    correct = of.correct.astype(np.int64)
    return Reviews(of.start, of.row, of.code, of.names, of.gap, of.day, correct, _grades(log, grades)[of.row])


def _grades(log: Coded, wanted: bool) -> Ints:
    grade = np.full(log.rows, GOOD, np.int64)
    if wanted:
        known = ~np.isnan(log.grade)
        grade[known] = np.maximum(AGAIN + np.rint(3.0 * log.grade[known]).astype(np.int64), HARD)
    grade[log.correct == 0] = AGAIN
    return grade


def share(right: int, n: int) -> float:
    """The share of right answers, a little less sure than the data (half a right and half a wrong more)."""
    return (right + 0.5) / (n + 1.0)


def first_share(reviews: Reviews) -> float:
    """P(correct) at a first meeting: the share of right answers there."""
    right = reviews.correct[reviews.first & (reviews.correct >= 0)]
    return share(int(right.sum()), len(right))
