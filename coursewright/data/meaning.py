"""The meaning of a file's columns: from any table with a header to the columns of the schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.columns import UNITS, days, labels, names_in, numbers, spent
from coursewright.data.schema import SCHEMA, check_names
from coursewright.errors import reject, unknown

LISTS = ("skills", "allowed")
TRUTH = {"TRUE": True, "FALSE": False, "1": True, "0": False, "1.0": True, "0.0": False}
# The words in a file that YAML 1.1 reads as this truth value.
SPELT = {True: ("TRUE", "YES", "ON"), False: ("FALSE", "NO", "OFF")}
RIGHT = {"1": 1, "0": 0, "-1": -1, "1.0": 1, "0.0": 0, "-1.0": -1, "TRUE": 1, "FALSE": 0}


@dataclass(frozen=True)
class Meaning:
    """The columns of a file by name (`columns`), values that all rows share (`constants`), and their reading.

    All three mappings go from names of the schema; those that neither mentions are columns of that name.
    `values` gives the meaning of a column's labels; `unit` is that of the time, `spent` of the minutes (see
    `columns.UNITS`); `between` separates names in a list.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    values: Mapping[str, Mapping[object, object]] = field(default_factory=dict)
    unit: str | None = None
    spent: str = "minutes"
    between: str = ";"

    def __post_init__(self) -> None:
        for what in ("columns", "constants", "values"):
            for name in getattr(self, what):
                if name not in SCHEMA.names:
                    raise unknown(f"log.{what}", name, SCHEMA.names)
        if self.spent not in UNITS:
            raise unknown("log.spent", self.spent, list(UNITS))

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
                raise reject(f"log.columns.{name}", own, "a column of the file: " + ", ".join(header))
        doubled = [own for own in wanted.values() if list(header).count(own) > 1]
        if doubled:
            raise reject("log columns", f"{doubled[0]} twice", "distinct")
        others = [own for own in header if own not in wanted.values() and own not in SCHEMA.names]
        check_names([*wanted, *self.constants, *others])
        return wanted

    def typed(self, rows: pa.Table) -> pa.Table:
        """Rows under the schema's names, text or typed, -> rows that `validate` takes."""
        for name, value in self.constants.items():
            rows = rows.append_column(name, pa.repeat(pa.scalar(str(value)), rows.num_rows))
        return pa.table({name: self._column(name, rows[name]) for name in rows.column_names})

    def _column(self, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if name in self.values:
            column = labels(column.cast(pa.string()), _spelt(self.values[name]), name)
        kind = column.type
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if name in LISTS and not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
            return names_in(column.cast(pa.string()), self.between)
        if name in ("learner", "item"):
            return column.cast(pa.string()) if text or pa.types.is_integer(kind) else column
        if not text:
            share = {"time": UNITS.get(self.unit or "", 1.0), "minutes": UNITS[self.spent] / UNITS["minutes"]}
            scale = share.get(name, 1.0)
            return column if scale == 1.0 else pc.divide(column.cast(pa.float64()), scale)
        if name == "time":
            return days(column, self.unit)
        if name == "minutes" and self.spent != "minutes":
            return spent(column, self.spent, name)
        if name == "correct":
            return labels(column, RIGHT, name)
        return labels(column, TRUTH, name) if name == "assisted" else numbers(column, name)


def _spelt(values: Mapping[object, object]) -> dict[str, object]:
    """Labels as `columns.labels` takes them: in upper case, and yes and no as they were written."""
    said: dict[str, object] = {}
    for label, meaning in values.items():
        spellings = SPELT[label] if isinstance(label, bool) else (str(label).upper(),)
        said |= dict.fromkeys(spellings, meaning)
    return said
