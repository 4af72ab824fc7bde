"""Each learner's earlier rows with the same skill or item: counts and times, causal and vectorised.

Rows in which nothing was asked (correct = -1, a study trial) are exposures, not attempts: they count as
opportunities and for the time since the last exposure, not as successes, failures or attempts.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np

from coursewright.fitting.coded import Coded, Signs, runs
from coursewright.simulators.arrays import Floats, Ints

Kind = Literal["skill", "item", "hidden", "total"]


@dataclass(frozen=True, eq=False)
class Histories:
    """Each time that a row touches something with a history of its own, in order of learner, name, row.

    `row`, `code`, `correct` and `day` are `[entries]`: the row of the log, the place in `names` of what it
    touches (a skill, an item, or everything), and the row's answer and time.  History h, of one learner and
    one name, holds the entries `start[h]` to `start[h + 1]`; a learner has one of each item that a pooled one
    stands for.
    """

    names: tuple[str, ...]
    start: Ints
    row: Ints
    code: Ints
    correct: Signs
    day: Floats

    @classmethod
    def of(cls, log: Coded, kind: Kind) -> Self:
        """The histories of a log's skills, of its items, or of everything together.

        Hidden items are those that pooled ones stand for; they have numbers for names.
        """
        row = np.arange(log.rows)
        if kind == "skill":
            row, code, names = log.row_of_need, log.needs.values, log.skills
        elif kind == "item":
            code, names = log.item, log.items
        elif kind == "hidden":
            row, names = np.flatnonzero(log.hidden), log.finest[1][len(log.items) :]
            code = log.finest[0][row] - len(log.items)
        else:
            code, names = np.zeros(log.rows, np.int64), ("all",)
        met = log.exact[row] if kind == "item" else code
        order, start = runs(log.learner[row], met)
        row = row[order]
        return cls(names, start, row, code[order], log.correct[row], log.day[row])

    @cached_property
    def history(self) -> Ints:
        """The number of each entry's history `[entries]`."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @cached_property
    def begin(self) -> Ints:
        """The first entry of the same history `[entries]`."""
        return self.start[self.history]

    @cached_property
    def place(self) -> Ints:
        """The number of earlier entries of the history `[entries]`: opportunities, study trials included."""
        return np.arange(len(self.row)) - self.begin

    @cached_property
    def gap(self) -> Floats:
        """Days since the last exposure `[entries]`; 0 where there was none."""
        return np.asarray(np.where(self.place > 0, np.diff(self.day, prepend=self.day[:1]), 0.0))

    def before(self, outcome: int) -> Ints:
        """The number of earlier entries that had this outcome (1 right, 0 wrong), `[entries]`."""
        total = np.concatenate([[0], np.cumsum(self.correct == outcome)])
        return np.asarray(total[:-1] - total[self.begin])

    @cached_property
    def last(self) -> Signs:
        """The last answer before the entry `[entries]`: 1 right, 0 wrong, -1 where none was given."""
        if not len(self.row):  # a log without pooled items has no hidden ones
            return self.correct
        answered = np.where(self.correct >= 0, np.arange(len(self.row)), -1)
        latest = np.concatenate([[-1], np.maximum.accumulate(answered)[:-1]])
        return np.where(latest >= self.begin, self.correct[latest], np.int8(-1))
