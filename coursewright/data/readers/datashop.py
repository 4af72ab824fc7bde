"""DataShop's transaction export (Koedinger et al. 2010), tab- or comma-separated.

Columns go by the export's own names (`Anon Student Id`, `KC (Default)`) or by R's forms of them
(`Anon.Student.Id`, `KC..Default.`).  A row with several skills repeats the column of its KC model, or joins
their names with "~~" as the KDD Cup 2010 files do.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.columns import ISO, days, keep, keep_given, labels, names_in, numbers
from coursewright.data.delimited import Delimited, lacks, open_delimited
from coursewright.data.log import Into, LearnerLog, in_memory
from coursewright.errors import InputError

OUTCOMES: dict[str, int | None] = {
    "CORRECT": 1,
    "OK": 1,
    "INCORRECT": 0,
    "ERROR": 0,
    "BUG": 0,
    "HINT": 0,
    "HINT_REQUEST": 0,
    "INITIAL_HINT": 0,
    "HINT_LEVEL_CHANGE": 0,
    "STUDY": -1,
}
BETWEEN = "~~"
JOINED = " / "
SOURCE = "DataShop transaction export (Koedinger et al. 2010, A Data Repository for the EDM Community)"


@dataclass(frozen=True)
class Datashop:
    """A transaction export; call it to read, times in days since 1970-01-01, as local as the export's own.

    `skill` is the column whose KC model gives the skills, `item` the columns that name an item together,
    `minutes` that of the duration (in seconds; "." is none), None for no duration; `unit` says how `Time` is
    written (iso, or ms since 1970).  A hint counts as a wrong and assisted response, STUDY as a row without a
    question; `outcomes` adds labels of the data set's own, such as `{"UNGRADED": None}` (to be dropped).
    `first_attempts` leaves out rows whose `Attempt At Step` is not 1.
    """

    path: str | Path
    skill: str = "KC (Default)"
    item: str | Sequence[str] = ("Problem Name", "Step Name")
    minutes: str | None = "Duration (sec)"
    first_attempts: bool = False
    outcomes: Mapping[str, int | None] = field(default_factory=dict)
    unit: str = ISO
    encoding: str = "utf8"
    source: str = SOURCE
    licence: str | None = None

    def __call__(self, into: Into = in_memory) -> LearnerLog:
        """Read it.  Dropped and counted: rows without learner, outcome, skill, item or time.

        Raises `InputError` for missing columns, unknown outcomes and a file that cannot be read.
        """
        file = open_delimited(self.path, self.encoding)
        columns = {"learner": _place(file, "Anon Student Id"), "time": _place(file, "Time")}
        columns["outcome"] = _place(file, "Outcome")
        items = [_place(file, name) for name in ([self.item] if isinstance(self.item, str) else self.item)]
        skills = _places(file, self.skill)
        if self.minutes is not None:
            columns["duration"] = _place(file, self.minutes)
        if self.first_attempts:
            columns["attempt"] = _place(file, "Attempt At Step")
        dropped: Counter[str] = Counter()
        known = OUTCOMES | {label.upper(): value for label, value in self.outcomes.items()}
        batches = _batches(file, columns, items, skills)
        tables = (_as_log(rows, known, self.unit, dropped) for rows in batches)
        return into(tables, self.source, self.licence, dropped)


def _batches(
    file: Delimited, columns: dict[str, int], items: list[int], skills: list[int]
) -> Iterator[pa.Table]:
    """The columns that matter, under names of ours; parts of an item and several skills are joined."""
    places = sorted({*columns.values(), *items, *skills})
    for rows in file.tables(places):
        named = {name: rows[str(place)] for name, place in columns.items()}
        named["item"] = _joined([rows[str(place)] for place in items], JOINED)
        named["skills"] = _joined([rows[str(place)] for place in skills], BETWEEN)
        yield pa.table(named)


def _as_log(rows: pa.Table, outcomes: Mapping[str, int | None], unit: str, dropped: Counter[str]) -> pa.Table:
    if "attempt" in rows.column_names:
        first = pc.equal(numbers(rows["attempt"], "Attempt At Step"), 1.0)
        rows = keep(rows, first, dropped, "not the first attempt at its step")
    rows = keep_given(
        rows,
        dropped,
        {
            "outcome": "no outcome",
            "skills": "no skill",
            "item": "no item",
            "learner": "no learner",
            "time": "no time",
        },
    )
    rows = rows.append_column("correct", labels(rows["outcome"], outcomes, "Outcome"))
    rows = keep(rows, pc.is_valid(rows["correct"]), dropped, "an outcome that is no answer")
    columns = {
        "learner": rows["learner"],
        "item": rows["item"],
        "skills": names_in(rows["skills"], BETWEEN),
        "time": days(rows["time"], unit),
        "correct": rows["correct"],
        "assisted": pc.match_substring(rows["outcome"], "HINT", ignore_case=True),
    }
    if "duration" in rows.column_names:
        text = rows["duration"]
        seconds = numbers(pc.if_else(pc.equal(text, "."), pa.scalar(None, pa.string()), text), "Duration")
        columns["minutes"] = pc.divide(seconds, 60.0)
    return pa.table(columns)


def _place(file: Delimited, name: str) -> int:
    """The place of the column `name` in the header."""
    places = _places(file, name)
    if len(places) > 1:
        raise InputError(
            f"log.path = {file.path}: has the column {name!r} {len(places)} times; it must be one"
        )
    return places[0]


def _places(file: Delimited, name: str) -> list[int]:
    """The places of the column `name` and its repetitions: written out, as R would, or numbered (`.1`)."""
    pattern = re.compile(re.escape(_as_r(name)) + r"(\.\d+)?", re.IGNORECASE)
    places = [at for at, own in enumerate(file.header) if pattern.fullmatch(_as_r(own))]
    if not places:
        raise lacks(file.path, name, file.header)
    return places


def _as_r(name: str) -> str:
    """A column name as R's `make.names` writes it: `KC (Default)` -> `KC..Default.`."""
    return re.sub(r"[^A-Za-z0-9._]", ".", name.strip())


def _joined(columns: list[pa.ChunkedArray], between: str) -> pa.ChunkedArray:
    """Texts [rows] joined, missing ones left out; null where all are missing."""
    whole = columns[0]
    for column in columns[1:]:
        both = pc.binary_join_element_wise(whole, column, between)
        whole = pc.coalesce(both, whole, column)
    return whole
