"""A learner log that has been checked and put in order, and its origin."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.schema import as_schema
from coursewright.errors import InputError, reject

MIN_GROUP = 10  # learners (the most common minimum of the states' reports, NCES 2011-603)


@dataclass(frozen=True, eq=False)
class LearnerLog:
    """A validated log in order of learner, time and file, and the facts known about its origin.

    `table` [rows] follows `schema.py`; `source` is a sentence for people; `licence` is a text or URL, None
    where it is unknown; `reordered` counts the rows that followed a later row of the same learner in the
    file; `dropped` counts the rows that the importer left out, by reason.  An item or skill that fewer than
    `min_group` learners met is not named in anything that is made of the log; 1 is for your own answers.
    """

    table: pa.Table
    source: str
    licence: str | None
    reordered: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    min_group: int = MIN_GROUP

    @property
    def n_learners(self) -> int:
        """The number of learners."""
        return len(pc.unique(self.table["learner"]))

    @property
    def summary(self) -> str:
        """The rows kept, put in order and left out, in words for people."""
        return summary(self.table.num_rows, self.n_learners, self.reordered, self.dropped)

    @property
    def left_out(self) -> str:
        """The number of rows that the reader left out, by reason, in one line."""
        return ", ".join(f"{n} ({why})" for why, n in self.dropped.items()) or "none"


def summary(rows: int, learners: int, reordered: int, dropped: Mapping[str, int]) -> str:
    """A line on the rows read, and one for each reason for which rows were dropped."""
    kept = f"{rows:,} rows of {learners:,} learners; {reordered:,} followed a later row of the same learner"
    lines = [f"{kept}; dropped: {sum(dropped.values()):,}"]
    return "\n".join([*lines, *(f"  {n:,}: {why}" for why, n in dropped.items())])


def learner_log(
    table: pa.Table, source: str, licence: str | None = None, dropped: Mapping[str, int] | None = None
) -> LearnerLog:
    """Validate `table` [rows] and put its rows in order.  Raises `InputError` as `as_schema` does."""
    ordered, reordered = in_order(as_schema(table))
    return LearnerLog(ordered, source, licence, reordered, dict(dropped or {}))


class Into(Protocol):
    """A destination of a reader's rows: `in_memory`, or with less memory `stream.store` with a folder."""

    def __call__(
        self, tables: Iterable[pa.Table], source: str, licence: str | None, dropped: Mapping[str, int]
    ) -> LearnerLog:
        """Take the batches `tables` in file order; `dropped` is complete once they are used up."""
        ...


def in_memory(
    tables: Iterable[pa.Table], source: str, licence: str | None, dropped: Mapping[str, int]
) -> LearnerLog:
    """All batches as one log.  Raises `InputError` as `as_schema` does, and where no row is left."""
    parts = [part for part in tables if part.num_rows]
    if not parts:
        raise no_rows(dropped)
    return learner_log(pa.concat_tables(parts), source, licence, dropped)


def no_rows(dropped: Mapping[str, int]) -> InputError:
    """The error for a log of which nothing is left."""
    why = ", ".join(f"{n} dropped: {reason}" for reason, n in dropped.items() if n)
    return reject("log", f"0 rows ({why})" if why else "0 rows", "a log with at least one row")


def in_order(table: pa.Table) -> tuple[pa.Table, int]:
    """Sort rows by learner, then time, ties in file order; and count those that followed a later one."""
    learner, _ = codes(table["learner"])
    time = table["time"].to_numpy()
    by_learner = np.argsort(learner, kind="stable")
    same = np.diff(learner[by_learner]) == 0
    backwards = int((same & (np.diff(time[by_learner]) < 0)).sum())
    return table.take(pa.array(np.lexsort((time, learner)))), backwards


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
