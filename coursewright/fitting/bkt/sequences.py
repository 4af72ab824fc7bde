"""A learner log regrouped for fitting: for each skill, each learner's responses on it in order of time."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import numpy as np

from coursewright.fitting.coded import Coded, Signs, runs
from coursewright.simulators.arrays import Ints


@dataclass(frozen=True, eq=False)
class Sequences:
    """Responses as compressed rows, sorted by skill, then learner, then the log's own order.

    Skill k owns the sequences first[k] to first[k+1]; sequence s belongs to learner[s] and owns the
    opportunities start[s] to start[s+1]; `row` is each opportunity's row in the log.

    An item with several skills gives its response to each of them, as if that skill alone had been asked:
    this is the usual approximation for fitting BKT to such items.

    first [skills + 1], start [sequences + 1], learner [sequences], correct and row [opportunities];
    correct is 1, 0 or -1 (an opportunity without a question).
    """

    skills: tuple[str, ...]
    learners: tuple[str, ...]
    first: Ints
    start: Ints
    learner: Ints
    correct: Signs
    row: Ints

    @classmethod
    def of(cls, log: Coded, only: Collection[str] | None = None) -> Self:
        """Group the rows of `log`; of the skills in `only`, if given."""
        row, skill, skills = log.row_of_need, log.needs.values, log.skills
        if only is not None:
            kept = np.array([name in only for name in skills])
            place = np.cumsum(kept) - 1
            row, skill = row[kept[skill]], place[skill[kept[skill]]]
            skills = tuple(name for name in skills if name in only)
        return cls.from_codes(log.learner[row], skill, log.correct[row], log.learners, skills, row)

    @classmethod
    def from_codes(
        cls,
        learner: Ints,
        skill: Ints,
        correct: Signs,
        learners: tuple[str, ...],
        skills: tuple[str, ...],
        row: Ints | None = None,
    ) -> Self:
        """Group numbered learners, skills and responses [rows], in each learner's order."""
        order, start = runs(skill, learner)
        begins = order[start[:-1]]
        return cls(
            skills=skills,
            learners=learners,
            first=np.searchsorted(skill[begins], np.arange(len(skills) + 1)).astype(np.int64),
            start=start,
            learner=learner[begins].astype(np.int64),
            correct=np.ascontiguousarray(correct[order], dtype=np.int8),
            row=(order if row is None else row[order]).astype(np.int64),
        )

    @property
    def longest(self) -> int:
        """The length of the longest sequence."""
        return int(np.diff(self.start).max(initial=0))

    @property
    def skill(self) -> Ints:
        """The skill of each sequence [sequences]."""
        return np.repeat(np.arange(len(self.skills)), np.diff(self.first))

    @property
    def learners_per_skill(self) -> Ints:
        """The number of learners who met each skill [skills]."""
        return np.diff(self.first)

    @property
    def opportunities_per_skill(self) -> Ints:
        """The number of opportunities that each skill had [skills]."""
        return np.diff(self.start[self.first])
