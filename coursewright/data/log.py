"""A learner log that has been checked and put in order, and its origin."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.schema import as_schema
from coursewright.errors import InputError, reject

UNIQUE: Mapping[str, bool] = {"unique": True}  # of `Into`
EQUAL = "equal to an earlier row in every column"
UNTIMED = "the log has no times (its rows are counted, or have one time): it tells nothing of forgetting"
MIN_GROUP = 10  # learners (the most common minimum of the states' reports, NCES 2011-603)


@dataclass(frozen=True, eq=False)
class LearnerLog:
    """A validated log in order of learner, time and file, and the facts known about its origin.

    `table` [rows] follows `schema.py`; `source` is a sentence for people; `licence` is a text or URL, None
    where it is unknown; `reordered` counts the rows that followed a later row of the same learner in the
    file; `dropped` counts the rows that the importer left out, by reason; `duplicates` the rows that equal an
    earlier one in every column, and are kept.  `timed` is false where times are made up (rows are counted, or
    all of a learner's times are one), which tells nothing of forgetting.  An item or skill that fewer than
    `min_group` learners met is not named in anything that is made of the log; 1 is for your own answers.
    """

    table: pa.Table
    source: str
    licence: str | None
    reordered: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    min_group: int = MIN_GROUP
    duplicates: int = 0
    timed: bool = True

    @property
    def n_learners(self) -> int:
        """The number of learners."""
        return len(pc.unique(self.table["learner"]))

    @property
    def summary(self) -> str:
        """The rows kept, put in order and left out, in words for people."""
        return summary(self.table.num_rows, self.n_learners, self)

    @property
    def left_out(self) -> str:
        """The number of rows that the reader left out, by reason, in one line."""
        return ", ".join(f"{n} ({why})" for why, n in self.dropped.items()) or "none"


def gone_with_them(learners: int) -> str:
    """The end of a line on rows left out that were all there was of some learners; "" where it is none."""
    who = "1 learner is" if learners == 1 else f"{learners:,} learners are"
    return f"; {who} gone with them" if learners else ""


class Facts(Protocol):
    """The facts about a log's rows, as `LearnerLog` has them."""

    @property
    def reordered(self) -> int:
        """The rows that were put in order."""
        ...

    @property
    def dropped(self) -> Mapping[str, int]:
        """The rows left out, by reason."""
        ...

    @property
    def duplicates(self) -> int:
        """The rows kept that equal an earlier one."""
        ...

    @property
    def timed(self) -> bool:
        """True where times are real."""
        ...


def summary(rows: int, learners: int, log: Facts) -> str:
    """A line on the rows read, and one for each reason for which rows were dropped, or for a doubt."""
    moved = f"{log.reordered:,} followed a later row of the same learner"
    lines = [f"{rows:,} rows of {learners:,} learners; {moved}; dropped: {sum(log.dropped.values()):,}"]
    lines += [f"  {n:,}: {why}" for why, n in log.dropped.items()]
    if log.duplicates:
        lines.append(f"{log.duplicates:,} of the rows equal an earlier one in every column; they are kept")
    if not log.timed:
        lines.append(UNTIMED)
    return "\n".join(lines)


def learner_log(
    table: pa.Table,
    source: str,
    licence: str | None = None,
    dropped: Mapping[str, int] | None = None,
    timed: bool = True,
    unique: bool = False,
) -> LearnerLog:
    """Validate `table` [rows] and put its rows in order.  Raises `InputError` as `as_schema` does.

    `timed` and `unique` are as in `Into`.
    """
    found = in_order(as_schema(table), unique)
    left_out = {**(dropped or {}), **found.dropped}
    return LearnerLog(
        found.table,
        source,
        licence,
        found.reordered,
        left_out,
        duplicates=found.duplicates,
        timed=timed and found.timed,
    )


class Into(Protocol):
    """A destination of a reader's rows: `in_memory`, or with less memory `stream.store` with a folder."""

    def __call__(
        self,
        tables: Iterable[pa.Table],
        source: str,
        licence: str | None,
        dropped: Mapping[str, int],
        timed: bool = True,
        unique: bool = False,
    ) -> LearnerLog:
        """Take the batches `tables` in file order; `dropped` is complete once they are used up.

        `timed` is false where the reader has made up the times; `unique` leaves out rows that equal another.
        """
        ...


def in_memory(
    tables: Iterable[pa.Table],
    source: str,
    licence: str | None,
    dropped: Mapping[str, int],
    timed: bool = True,
    unique: bool = False,
) -> LearnerLog:
    """All batches as one log.  Raises `InputError` as `as_schema` does, and where no row is left."""
    parts = [part for part in tables if part.num_rows]
    if not parts:
        raise no_rows(dropped)
    return learner_log(pa.concat_tables(parts), source, licence, dropped, timed, unique)


def no_rows(dropped: Mapping[str, int]) -> InputError:
    """The error for a log of which nothing is left."""
    why = ", ".join(f"{n} dropped: {reason}" for reason, n in dropped.items() if n)
    return reject("log", f"0 rows ({why})" if why else "0 rows", "a log with at least one row")


class Ordered(NamedTuple):
    """Rows in order, and the counts that only their order tells (see `LearnerLog`)."""

    table: pa.Table
    reordered: int
    duplicates: int
    dropped: Mapping[str, int]
    timed: bool


def in_order(table: pa.Table, unique: bool = False) -> Ordered:
    """Sort rows by learner, then time, ties in file order; count those that followed a later one.

    `unique` leaves out rows that equal an earlier one in every column.
    """
    learner, _ = codes(table["learner"])
    time = table["time"].to_numpy()
    by_learner = np.argsort(learner, kind="stable")
    same = np.diff(learner[by_learner]) == 0
    backwards = int((same & (np.diff(time[by_learner]) < 0)).sum())
    order = np.lexsort((time, learner))
    same, still = np.diff(learner[order]) == 0, np.diff(time[order]) == 0
    timed = bool((same & ~still).any()) or not same.any()
    ordered = table.take(pa.array(order))
    again = _repeated(ordered, same & still) if timed else np.zeros(len(order), bool)
    n = int(again.sum())
    if unique and n:
        return Ordered(ordered.filter(pa.array(~again)), backwards, 0, {EQUAL: n}, timed)
    return Ordered(ordered, backwards, n, {}, timed)


def _repeated(table: pa.Table, close: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """True where a row equals an earlier one; only rows that are `close [rows - 1]` to the next can."""
    found = np.zeros(table.num_rows, bool)
    near = np.flatnonzero(np.append(close, False) | np.append(False, close))
    if len(near):
        part = table.take(pa.array(near))
        lists = [name for name in part.column_names if pa.types.is_list(part[name].type)]
        for name in lists:
            part = part.set_column(part.column_names.index(name), name, pc.binary_join(part[name], "\0"))
        found[near] = part.to_pandas().duplicated().to_numpy()
    return found


def codes(names: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Give `names` [rows] numbers by their place in sorted order: codes [rows] and the distinct names."""
    encoded = pc.dictionary_encode(names).combine_chunks()
    known = encoded.dictionary.to_pylist()
    order = sorted_ids(known)
    place = {name: code for code, name in enumerate(order)}
    rank = np.array([place[name] for name in known], dtype=np.int64)
    return rank[encoded.indices.to_numpy()], tuple(order)


def sorted_ids(ids: Sequence[str]) -> list[str]:
    """Sort `ids` by number where all are numbers (so that "10" follows "9"), else by text."""
    if all(name.isascii() and name.isdigit() for name in ids):
        return sorted(ids, key=lambda name: (int(name), name))
    return sorted(ids)
