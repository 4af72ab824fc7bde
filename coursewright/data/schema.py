"""The learner log: one row for each time a learner met an item, as a typed Arrow table.

| column | type | meaning |
|---|---|---|
| learner | string | who; only equality matters |
| item | string | the item shown |
| skills | list of string | the skills that the item needs, at least one |
| time | float64 | **days** since any fixed moment; importers of real logs use 1970-01-01 UTC |
| correct | int8 | 1 right, 0 wrong, -1 nothing was asked (a lecture, a study trial) |
| grade | float64, optional | partial credit or rating, scaled to [0, 1] |
| minutes | float64, optional | time spent |
| assisted | bool, optional | a hint or another help was used |
| allowed | list of string, optional | evaluation logs: the items that the policy could choose from |
| propensity | float64, optional | evaluation logs: the probability with which this item was chosen, (0, 1] |

Optional columns may hold nulls, the others may not.  Days rather than timestamps, because simulated
learners have no calendar and every model here counts in days; a float64 still resolves microseconds.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.errors import InputError, reject

REQUIRED = pa.schema(
    [
        ("learner", pa.string()),
        ("item", pa.string()),
        ("skills", pa.list_(pa.string())),
        ("time", pa.float64()),
        ("correct", pa.int8()),
    ]
)
OPTIONAL = pa.schema(
    [
        ("grade", pa.float64()),
        ("minutes", pa.float64()),
        ("assisted", pa.bool_()),
        ("allowed", pa.list_(pa.string())),
        ("propensity", pa.float64()),
    ]
)
SCHEMA = pa.unify_schemas([REQUIRED, OPTIONAL])
LICENCE = "licence"  # of the rows, among the metadata of a Parquet file
ROW = "row of the file"  # a column with the numbers of rows, which is left behind as all others are
DAY_US = 86_400_000_000  # microseconds
RANGES = {
    "time": (0.0, 1e5, "from 0 to 100,000 (days, not seconds)"),
    "grade": (0.0, 1.0, "in [0, 1]"),
    "minutes": (0.0, np.inf, "finite and >= 0 (minutes)"),
    "propensity": (np.nextafter(0.0, 1.0), 1.0, "in (0, 1]"),
}


class _Count:
    """The numbers of rows that follow each other."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __getitem__(self, row: int) -> int:
        return self.first + row


Numbers = npt.NDArray[np.int64] | _Count


def as_schema(table: pa.Table, first_row: int = 0) -> pa.Table:
    """Check the rows, and give them the schema's types and column order; leave further columns out.

    Other columns are left behind on purpose: a log often carries names or e-mail addresses.  A column
    that looks like a misspelt one of the schema is refused instead.  Raises `InputError` for missing,
    doubled or misspelt columns, wrong types, nulls, and values out of range.  Messages count rows from 1;
    `first_row` rows came before, where the table is a piece of a longer log, and a column `ROW` has the
    numbers that its rows had in a file of which some are left out.
    """
    check_names(table.column_names)
    if table.num_rows == 0:
        raise reject("log", "0 rows", "a log with at least one row")
    fields = [field for field in SCHEMA if field.name in table.column_names]
    columns = [_cast(table[field.name], field) for field in fields]
    typed = pa.table(columns, schema=pa.schema(fields))
    number = table[ROW].to_numpy() if ROW in table.column_names else _Count(first_row + 1)
    for name in REQUIRED.names:
        if typed[name].null_count:
            row = number[int(np.argmax(pc.is_null(typed[name]).to_numpy()))]
            allowed = "given in every row (log.skip_incomplete=true leaves such rows out and counts them)"
            raise reject(f"log.{name}[row {row}]", "null", allowed)
    for name in RANGES:
        if name in typed.column_names:
            _check_range(name, typed[name].to_numpy(), number)
    _check_correct(typed["correct"].to_numpy(), number)
    _check_skills(typed["skills"], number)
    return typed


def check_names(names: Sequence[str], mapped: bool = False) -> None:
    """Raise `InputError` where column `names` lack a required one, repeat one, or look misspelt.

    Where columns are `mapped` by hand, whatever was not named stays behind, and nothing looks misspelt.
    """
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise reject("log.columns", f"{doubled[0]} twice", "distinct")
    missing = [name for name in REQUIRED.names if name not in names]
    if missing:
        near = get_close_matches(missing[0], names, n=1)
        hint = f" ({near[0]!r} looks like it)" if near else ""
        has = ", ".join(name for name in names if name not in SCHEMA.names)
        allowed = ", ".join(REQUIRED.names)
        if has:
            allowed += f"; the file has {has} (log=mapped log.columns.{missing[0]}=NAME says which is which)"
        raise reject("log.columns", f"without {', '.join(missing)}{hint}", allowed)
    absent = [name for name in OPTIONAL.names if name not in names]
    for name in () if mapped else names:
        for meant in [] if name in SCHEMA.names else get_close_matches(name, absent, n=1, cutoff=0.8):
            remedy = f"log=mapped log.columns.{meant}={name} reads it so, =null leaves it out"
            raise InputError(f"log.columns = {name!r}: no such name (did you mean {meant!r}? {remedy})")


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """`column` in the type of `field`; timestamps become days since 1970-01-01 UTC."""
    try:
        if field.name == "time" and (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
            zone = getattr(column.type, "tz", None)
            microseconds = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
            return pc.divide(microseconds.cast(pa.float64(), safe=False), float(DAY_US))
        return column.cast(field.type)
    except pa.ArrowException as error:
        allowed = "1, 0 or -1 as int8" if field.name == "correct" else f"of type {field.type}"
        found = f"column of type {column.type} ({' '.join(str(error).split())[:120]})"
        raise reject(f"log.{field.name}", found, allowed) from error


def _check_range(name: str, values: npt.NDArray[Any], number: Numbers) -> None:
    low, high, allowed = RANGES[name]
    given = ~np.isnan(values) if name in OPTIONAL.names else np.ones(len(values), bool)
    wrong = given & ~((values >= low) & (values <= high) & np.isfinite(values))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise reject(f"log.{name}[row {number[row]}]", values[row], allowed)


def _check_correct(correct: npt.NDArray[np.int8], number: Numbers) -> None:
    wrong = ~np.isin(correct, (1, 0, -1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise reject(f"log.correct[row {number[row]}]", correct[row], "1, 0 or -1 (nothing was asked)")


def _check_skills(skills: pa.ChunkedArray, number: Numbers) -> None:
    lengths = pc.list_value_length(skills).to_numpy()
    if (lengths == 0).any():
        raise reject(f"log.skills[row {number[int(np.argmin(lengths))]}]", "[]", "at least one skill")
    if pc.list_flatten(skills).null_count:
        raise reject("log.skills", "a list with a null", "a list of names")
