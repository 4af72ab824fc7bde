"""The spread of learners: standard deviation and quantiles of their shares of right answers.

Simulated learners who polarise (success breeds success) are too far apart; learners without an ability of
their own are too much alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from coursewright.fitting.coded import Coded, Signs
from coursewright.fitting.judging.held_out import FEWEST_LEARNERS
from coursewright.fitting.judging.measures import Measure, unnamed
from coursewright.simulators.arrays import Floats, Ints

SPREAD = "spread"
FEWEST_ANSWERS = 20  # of a learner, so that luck is not all of the spread
QUANTILES = (0.05, 0.95)
FIGURES = ("sd", "5 %", "95 %")


@dataclass(frozen=True, eq=False)
class LearnerMeans:
    """The share right of each learner: `first` row, `mean`, number of `answers`, `[learners]`."""

    first: Ints
    mean: Floats
    answers: Ints

    @property
    def count(self) -> Ints:
        """The number of answers behind each figure."""
        return np.full(len(FIGURES), self.answers.sum())

    @property
    def learners(self) -> Ints:
        """The number of learners behind each figure."""
        return np.full(len(FIGURES), len(self.mean))

    def values(self) -> Floats:
        """Standard deviation, 5 % and 95 % quantile over learners."""
        return _figures(self.mean)

    def resampled(self, unit: Ints, times: Iterable[Floats]) -> Floats:
        """The figures of resampled learners."""
        mine = unit[self.first]
        return np.array([_figures(np.repeat(self.mean, often[mine].astype(np.int64))) for often in times])


def spread(log: Coded) -> Measure:
    """The spread of learners with at least twenty answers; left out where ten do not have so many."""
    learners = len(log.learners)
    many = np.bincount(log.learner[log.correct >= 0], minlength=learners) >= FEWEST_ANSWERS

    def of(correct: Signs) -> LearnerMeans:
        given = correct >= 0
        answers = np.bincount(log.learner[given], minlength=learners)
        right = np.bincount(log.learner[given], correct[given], minlength=learners)
        used = many & (answers > 0)
        return LearnerMeans(log.start[:-1][used], right[used] / answers[used], answers[used])

    n, least = int(many.sum()), max(FEWEST_LEARNERS, log.min_group)
    have = "1 learner has" if n == 1 else f"{n:,} learners have"
    few = f"{have} {FEWEST_ANSWERS} answers or more, and it takes {least} to show a spread"
    return Measure(SPREAD, unnamed(FIGURES), of, few if n < least else "")


def _figures(mean: Floats) -> Floats:
    return np.array([mean.std(), *np.quantile(mean, QUANTILES)]) if len(mean) else np.full(3, np.nan)
