"""The meaning of a file's columns: from any table with a header to the columns of the schema."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.columns import (
    ORDER,
    UNITS,
    counted,
    days,
    in_days,
    labels,
    names_in,
    numbers,
    refuse_unit,
    spent,
)
from coursewright.data.schema import SCHEMA, check_names
from coursewright.errors import reject, unknown

LISTS = ("skills", "allowed")
TRUTH = {"TRUE": True, "FALSE": False, "1": True, "0": False, "1.0": True, "0.0": False}
# The words in a file that YAML 1.1 reads as this truth value.
SPELT = {True: ("TRUE", "YES", "ON"), False: ("FALSE", "NO", "OFF")}
RIGHT = {"1": 1, "0": 0, "-1": -1, "1.0": 1, "0.0": 0, "-1.0": -1, "TRUE": 1, "FALSE": 0}
TRUTHS: Mapping[str, Mapping[str, object]] = {"correct": RIGHT, "assisted": TRUTH}


@dataclass(frozen=True)
class Meaning:
    """The columns of a file by name (`columns`), values that all rows share (`constants`), and their reading.

    All three mappings go from names of the schema; those that neither mentions are columns of that name.
    `values` gives the meaning of a column's labels; `unit` is that of the time, `spent` of the minutes (see
    `columns.UNITS`); `time_format` is that of times, for `strptime`; `between` separates names in a list;
    `decimal` is the point in a number.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    values: Mapping[str, Mapping[object, object]] = field(default_factory=dict)
    unit: str | None = None
    spent: str = "minutes"
    between: str = ";"
    time_format: str | None = None
    decimal: str = "."

    def __post_init__(self) -> None:
        for what in ("columns", "constants", "values"):
            for name in getattr(self, what):
                if name not in SCHEMA.names:
                    raise unknown(f"log.{what}", name, SCHEMA.names)
        refuse_unit(self.unit)
        if self.spent not in UNITS:
            raise unknown("log.spent", self.spent, list(UNITS))
        if self.time_format is not None and self.unit is not None:
            raise reject("log.time_format", repr(self.time_format), "null where log.unit is given")
        if self.decimal not in (".", ","):
            raise reject("log.decimal", repr(self.decimal), "'.' or ','")
        for name, value in self.constants.items():
            if value is None or value == []:
                raise reject(f"log.constants.{name}", "null", "a value for every row")
        for name, said in self.values.items():
            if not isinstance(said, Mapping):
                raise reject(f"log.values.{name}", repr(said), "a mapping, such as {RIGHT: 1, WRONG: 0}")
            _refuse_meanings(name, said)

    def own_names(self, header: Sequence[str]) -> dict[str, str]:
        """The columns to read of a file with this `header`: the schema's name -> the file's own.

        Raises `InputError` where a column is missing, doubled, or looks misspelt.
        """
        wanted: dict[str, str] = {}
        for name in SCHEMA.names:
            own = self.columns.get(name, name)
            if own is None or name in self.constants:
                continue
            if own in header:
                wanted[name] = own
            elif own != name:
                allowed = "a column of the file: " + ", ".join(header)
                raise reject(f"log.columns.{name}", own, allowed)
        doubled = [own for own in wanted.values() if list(header).count(own) > 1]
        if doubled:
            raise reject("log.columns", f"{doubled[0]} twice in the file", "distinct")
        others = [own for own in header if own not in wanted.values() and own not in SCHEMA.names]
        check_names([*wanted, *self.constants, *others], mapped=bool(self.columns))
        return wanted

    def typed(self, rows: pa.Table, first: int = 1) -> pa.Table:
        """Rows under the schema's names, text or typed, -> rows that `validate` takes.

        `first` is the number of the first of them in the file, for messages.
        """
        for name, value in self.constants.items():
            names = [str(value)] if isinstance(value, str) or not isinstance(value, Sequence) else value
            text = self.between.join(map(str, names))
            rows = rows.append_column(name, pa.repeat(pa.scalar(text), rows.num_rows))
        return pa.table({name: self._column(name, rows[name], first) for name in rows.column_names})

    def _column(self, name: str, column: pa.ChunkedArray, first: int) -> pa.ChunkedArray:
        if name in self.values:
            said = _spelt(name, self.values[name])
            column = pa.chunked_array([labels(column.cast(pa.string()), said, name, first, settable=True)])
        kind = column.type
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if name in LISTS and not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
            return names_in(column.cast(pa.string()), self.between)
        if name in ("learner", "item"):
            return column.cast(pa.string()) if text or pa.types.is_integer(kind) else column
        return self._text(name, column, first) if text else self._number(name, column, first)

    def _number(self, name: str, column: pa.ChunkedArray, first: int) -> pa.ChunkedArray:
        if name == "time" and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            if self.unit == ORDER:
                return counted(column, column, name, first)
            count = column.cast(pa.float64())
            return in_days(count, self.unit if self.unit in UNITS else "days", column, name, first)
        if name == "minutes" and self.spent != "minutes":
            return pc.divide(column.cast(pa.float64()), UNITS[self.spent] / UNITS["minutes"])
        return column

    def _text(self, name: str, column: pa.ChunkedArray, first: int) -> pa.ChunkedArray:
        if self.decimal != "." and name not in TRUTHS and self.time_format is None:
            column = pc.replace_substring(column, self.decimal, ".")
        if name == "time":
            return days(column, self.unit, name, first, self.time_format)
        if name == "minutes" and self.spent != "minutes":
            return spent(column, self.spent, name, first)
        if name in TRUTHS:
            return labels(column, TRUTHS[name], name, first, settable=True)
        return numbers(column, name, first)


def _refuse_meanings(name: str, said: Mapping[object, object]) -> None:
    """Refuse a meaning that the column cannot hold."""
    for label, value in said.items():
        number = isinstance(value, int | float)
        allowed = "1, 0 or -1 (nothing was asked), or null"
        good = number and value in (1, 0, -1)
        if name == "assisted":
            allowed, good = "true or false, or null", number and value in (0, 1)
        elif name in ("learner", "item", *LISTS):
            allowed, good = "a name, or null", number or isinstance(value, str)
        elif name != "correct":
            allowed, good = "a number, or null", number and not isinstance(value, bool)
        if value is not None and not good:
            raise reject(f"log.values.{name}.{label}", repr(value), allowed)


def _spelt(name: str, values: Mapping[object, object]) -> dict[str, object]:
    """Labels as `columns.labels` takes them: in upper case, and yes and no as they were written.

    The meanings are of one type, that of the column `name`.
    """
    names = dict.fromkeys(("learner", "item", *LISTS), str)
    kind: Mapping[str, Callable[[Any], object]] = {"correct": int, "assisted": bool, **names}
    said: dict[str, object] = {}
    for label, value in values.items():
        spellings = SPELT[label] if isinstance(label, bool) else (str(label).upper(),)
        said |= dict.fromkeys(spellings, None if value is None else kind.get(name, float)(value))
    return said
