"""A learner log as numbers: models, folds and checks are all views of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.log import LearnerLog, codes
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.lists import Lists

Signs = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Coded:
    """The rows of a log in order of learner, time and file, with numbers in place of names.

    A number is a place among `learners`, `items` or `skills`, which are sorted and hold the names that occur
    in the rows and no others; `learner` therefore begins at 0 and rises by 0 or 1 from row to row.

    learner, item, day, correct (1, 0, or -1: nothing was asked), grade and minutes (nan where unknown) and
    assisted are `[rows]`; `needs` holds the skills of each row in the log's order, at least one.

    An item may stand for several that too few learners met (see `groups`): `pooled` has its name and the
    skills that it is called by.  `exact [rows]` still tells them apart, by numbers that stay the same in
    every part of the log.  Everything with a name was met by `min_group` learners; `licence` is the
    log's, and `timed` is false where its times are made up.
    """

    learners: tuple[str, ...]
    items: tuple[str, ...]
    skills: tuple[str, ...]
    learner: Ints
    item: Ints
    needs: Lists
    day: Floats
    correct: Signs
    grade: Floats
    minutes: Floats
    assisted: Bools
    exact: Ints
    pooled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    min_group: int = 1
    licence: str | None = None
    timed: bool = True

    @classmethod
    def of(cls, log: LearnerLog) -> Self:
        """Give numbers to the names of `log`."""
        table = log.table
        learner, learners = codes(table["learner"])
        item, items = codes(table["item"])
        skill, skills = codes(pc.list_flatten(table["skills"]))
        length = pc.list_value_length(table["skills"]).to_numpy()
        return cls(
            learners=learners,
            items=items,
            skills=skills,
            learner=learner,
            item=item,
            needs=Lists(_starts(length), skill),
            day=table["time"].to_numpy(),
            correct=table["correct"].to_numpy(),
            grade=_numbers(table, "grade"),
            minutes=_numbers(table, "minutes"),
            assisted=_truths(table, "assisted"),
            exact=item,
            licence=log.licence,
            timed=log.timed,
        )

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.learner)

    @cached_property
    def start(self) -> Ints:
        """The place where each learner's rows begin, and where the last one's end: `[learners + 1]`."""
        return np.searchsorted(self.learner, np.arange(len(self.learners) + 1)).astype(np.int64)

    @cached_property
    def place(self) -> Ints:
        """The number of earlier rows of the same learner, for each row `[rows]`."""
        return np.arange(self.rows) - self.start[self.learner]

    @cached_property
    def gap(self) -> Floats:
        """Days since the learner's row before `[rows]`; 0 at the first."""
        return np.asarray(np.where(self.place > 0, np.diff(self.day, prepend=0.0), 0.0))

    @cached_property
    def row_of_need(self) -> Ints:
        """The row of each entry of `needs.values`."""
        return np.repeat(np.arange(self.rows), np.diff(self.needs.start))

    @cached_property
    def hidden(self) -> Bools:
        """True at rows of an item that a pooled one stands for, `[rows]`."""
        return np.array([name in self.pooled for name in self.items], bool)[self.item]

    @cached_property
    def finest(self) -> tuple[Ints, tuple[str, ...]]:
        """The number of each row's item proper `[rows]`, and names: `items`, then what they hide, unnamed."""
        numbers, place = np.unique(self.exact[self.hidden], return_inverse=True)
        code = self.item.copy()
        code[self.hidden] = len(self.items) + place
        return code, (*self.items, *(f"\0{number}" for number in numbers.tolist()))

    @cached_property
    def skill_sets(self) -> tuple[Ints, tuple[tuple[str, ...], ...]]:
        """The number of each row's list of skills `[rows]`, and the distinct lists, as they first appear."""
        number: dict[tuple[int, ...], int] = {}
        start, skill = self.needs.start.tolist(), self.needs.values.tolist()
        rows = [number.setdefault(tuple(skill[a:b]), len(number)) for a, b in pairwise(start)]
        lists = tuple(tuple(self.skills[k] for k in needed) for needed in number)
        return np.array(rows, np.int64), lists

    def take(self, rows: Ints) -> Self:
        """Only the rows numbered `rows [taken]`, ascending; names that none of them has are left out."""
        learner, learners = _narrowed(self.learner[rows], self.learners)
        return self._with(rows, learner, learners)

    def resampled(self, chosen: Ints) -> Self:
        """Whole learners `chosen [learners]`, some of them several times, under new names "0", "1", ..."""
        length = np.diff(self.start)[chosen]
        rows = _spans(self.start[chosen], length)
        return self._with(
            rows, np.repeat(np.arange(len(chosen)), length), tuple(map(str, range(len(chosen))))
        )

    def _with(self, rows: Ints, learner: Ints, learners: tuple[str, ...]) -> Self:
        length = np.diff(self.needs.start)[rows]
        item, items = _narrowed(self.item[rows], self.items)
        skill, skills = _narrowed(self.needs.values[_spans(self.needs.start[rows], length)], self.skills)
        return replace(
            self,
            learners=learners,
            items=items,
            skills=skills,
            learner=learner,
            item=item,
            needs=Lists(_starts(length), skill),
            day=self.day[rows],
            correct=self.correct[rows],
            grade=self.grade[rows],
            minutes=self.minutes[rows],
            assisted=self.assisted[rows],
            exact=self.exact[rows],
        )


class Runs(NamedTuple):
    """Rows in an order in which those that belong together follow each other.

    Run r holds the rows `order[start[r]:start[r + 1]]`: `order [rows]`, `start [runs + 1]`.
    """

    order: Ints
    start: Ints


def runs(outer: Ints, inner: Ints) -> Runs:
    """Rows that agree in both keys `[rows]`; runs ascend by `outer`, then `inner`, and keep rows in order."""
    order = np.lexsort((inner, outer))
    fresh = (np.diff(outer[order], prepend=-1) != 0) | (np.diff(inner[order], prepend=-1) != 0)
    return Runs(order, np.append(np.flatnonzero(fresh), len(order)).astype(np.int64))


def places(names: Sequence[str], known: Sequence[str]) -> Ints:
    """The place of each of `names` among the `known`; len(known) for a name that is not among them."""
    place = {name: at for at, name in enumerate(known)}
    return np.array([place.get(name, len(known)) for name in names], np.int64)


def _starts(length: npt.NDArray[np.integer]) -> Ints:
    return np.append(0, np.cumsum(length)).astype(np.int64)


def _spans(start: Ints, length: Ints) -> Ints:
    """The numbers from each start on, so many of them, one span after the other."""
    ends = np.cumsum(length)
    return np.repeat(start - (ends - length), length) + np.arange(ends[-1] if len(ends) else 0)


def _narrowed(code: Ints, names: tuple[str, ...]) -> tuple[Ints, tuple[str, ...]]:
    """The numbers among the names that occur, and these names."""
    used = np.bincount(code, minlength=len(names)) > 0
    return (np.cumsum(used) - 1)[code], tuple(names[k] for k in np.flatnonzero(used))


def _numbers(table: pa.Table, name: str) -> Floats:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table[name].to_numpy(), np.float64)


def _truths(table: pa.Table, name: str) -> Bools:
    if name not in table.column_names:
        return np.zeros(table.num_rows, bool)
    return np.asarray(table[name].fill_null(False).to_numpy(), bool)


def require_both(correct: npt.NDArray[np.integer]) -> None:
    """Refuse answers `[rows]` (-1: none) that are all right or all wrong: no model can be fitted to them."""
    seen = set(np.unique(correct[correct >= 0]).tolist())
    if seen != {0, 1}:
        shown = ", ".join(map(str, sorted(seen))) or "nothing asked"
        allowed = "both 0 and 1 somewhere, to fit a model (log.columns.correct names the column)"
        raise reject("log.correct", f"only {shown}", allowed)
