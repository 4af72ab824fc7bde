"""A learner model and a log reader as somebody else would write them, in a module of their own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursewright.data.log import in_memory
from coursewright.data.synthetic import simulate_log
from coursewright.fitting.course import course_of
from coursewright.fitting.model import Estimates, Teaching
from coursewright.simulators.folders import rounded
from coursewright.simulators.logistic.fixed_items import DIGITS, FixedItems
from coursewright.simulators.logistic.tables import write_fixed_items

TEACHING = Teaching("mastery", "item_difficulty")


@dataclass(frozen=True)
class Shares:
    """Everybody answers right with the log's share; `half` right and wrong answers are added."""

    half: float = 0.5
    name: str = "shares"

    def fit(self, log):
        """Count."""
        right, asked = (log.correct == 1).sum(), (log.correct >= 0).sum()
        return Fitted(float((right + self.half) / (asked + 2 * self.half)), course_of(log))


@dataclass(frozen=True, eq=False)
class Fitted:
    """One share for all."""

    share: float
    course: object
    teaching: Teaching = TEACHING

    def estimates(self):
        """The share."""
        return Estimates(("share",), np.array([self.share]))

    def warnings(self):
        """None."""
        return []

    def predict(self, log):
        """The share, always."""
        return np.full(log.rows, self.share)

    def simulator(self):
        """Learners who never change."""
        return FixedItems(self.course, rounded(np.full(self.course.n_items, self.share), DIGITS))

    def write(self, folder: Path):
        """As item difficulties."""
        write_fixed_items(folder, self.simulator())


def read_mine(learners=20, into=in_memory):
    """Made-up learners, a batch at a time."""
    table = simulate_log(learners, 8)
    return into([table.slice(0, 40), table.slice(40)], "made up", "free", {})
