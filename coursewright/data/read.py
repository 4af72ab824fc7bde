"""Learner logs as files: Parquet, or CSV (also gzipped) with the skills of a row joined by ";"."""

import gzip
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from coursewright.data.columns import ORDER, keep_given
from coursewright.data.delimited import BROKEN, cannot_be_read, open_delimited
from coursewright.data.kinds import no_parquet
from coursewright.data.log import UNIQUE, Into, LearnerLog, gone_with_them, in_memory
from coursewright.data.meaning import LISTS, Meaning
from coursewright.data.schema import LICENCE, REQUIRED, ROW, as_schema
from coursewright.errors import InputError, reject
from coursewright.files import refuse_pipe, write_atomically

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
BETWEEN = ";"
ROWS = 1 << 18  # of a Parquet file, at a time


@dataclass(frozen=True)
class LogFile:
    """A log in a file (.parquet, or delimited text, also gzipped) and its columns' meaning; call to read.

    `columns` names the file's own columns where they differ from the schema's, such as
    `{"learner": "user_id"}`; `constants` gives one value to every row of a column that the file lacks;
    `values` gives the meaning of a column's labels, such as `{"correct": {"CORRECT": 1, "WRONG": 0}}` (in any
    case).  `unit` is that of the time (days, minutes, s, ms, us, iso): without one, a number is days and text
    an ISO 8601 timestamp, read as UTC where it names no zone; `order` stands for numbers that only count
    responses.  `spent` is the unit of the minutes.  Timestamps of another form need their `time_format`, as
    `strptime` has it.  `between` separates the names in a list.  `licence` None is what a Parquet file tells
    of itself.

    `separator` is that of columns (without one it is found in the header), `decimal` the point in a number,
    `encoding` that of the text.  `skip_incomplete` leaves out, and counts, rows that lack a required entry;
    `drop_duplicates` those that equal an earlier one in every column, which are otherwise kept and counted.
    """

    path: str | Path
    columns: Mapping[str, str | None] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    values: Mapping[str, Mapping[object, object]] = field(default_factory=dict)
    unit: str | None = None
    spent: str = "minutes"
    between: str = BETWEEN
    time_format: str | None = None
    separator: str | None = None
    decimal: str = "."
    encoding: str = "utf8"
    skip_incomplete: bool = False
    drop_duplicates: bool = False
    source: str = ""
    licence: str | None = None

    def __call__(self, into: Into = in_memory) -> LearnerLog:
        """Read it, validated and in order.

        Raises `InputError` where the file is missing, truncated, of another kind, or breaks the schema.
        """
        path, dropped, meaning = Path(self.path), Counter[str](), self._meaning()
        batches = _parquet(path, meaning) if _kind(path) == ".parquet" else self._text(path, meaning)
        tables = self._typed(batches, meaning, dropped)
        source = self.source or path.name
        licence = _told(path) if self.licence is None else self.licence
        more = dict(UNIQUE) if self.drop_duplicates else {}
        if self.unit == ORDER:
            more["timed"] = False
        return into(tables, source, licence, dropped, **more)

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the file's own columns.  Raises `InputError` where they cannot be read."""
        if _kind(path := Path(self.path)) != ".parquet":
            return open_delimited(path, self.encoding, self.separator).header
        with _parquet_file(path) as file:
            return tuple(file.schema_arrow.names)

    def check_columns(self) -> None:
        """Raise `InputError` where a column is missing, doubled or misspelt; no row is read."""
        self._meaning().own_names(self.header)

    def _meaning(self) -> Meaning:
        return Meaning(
            self.columns,
            self.constants,
            self.values,
            self.unit,
            self.spent,
            self.between,
            self.time_format,
            self.decimal,
        )

    def _text(self, path: Path, meaning: Meaning) -> Iterator[pa.Table]:
        file = open_delimited(path, self.encoding, self.separator)
        own = meaning.own_names(file.header)
        for rows in file.named(sorted(set(own.values()))):
            yield pa.table({name: rows[column] for name, column in own.items()})

    def _typed(
        self, batches: Iterator[pa.Table], meaning: Meaning, dropped: Counter[str]
    ) -> Iterator[pa.Table]:
        first, reasons = 1, {name: f"no {name}" for name in REQUIRED.names}
        kept, lacking = set[str | None](), dict[str | None, str]()  # the first reason of each learner
        for rows in batches:
            table = meaning.typed(rows, first)
            if self.skip_incomplete:
                number = pa.array(np.arange(first, first + rows.num_rows))
                for name, why in reasons.items():
                    without = pc.unique(table.filter(pc.is_null(table[name]))["learner"]).to_pylist()
                    lacking |= {learner: why for learner in without if learner not in lacking}
                table = keep_given(table.append_column(ROW, number), dropped, reasons)
                kept.update(pc.unique(table["learner"]).to_pylist())
            yield table
            first += rows.num_rows
        gone = Counter(lacking[learner] for learner in lacking.keys() - kept - {None})
        for why, n in gone.items():
            dropped[f"{why}{gone_with_them(n)}"] = dropped.pop(why)


def read_log(path: str | Path, source: str = "", licence: str | None = None) -> LearnerLog:
    """Read a file that has the schema's own columns; see `LogFile`."""
    return LogFile(path, source=source, licence=licence)()


def write_log(path: str | Path, table: pa.Table) -> None:
    """Write `table` [rows] to `path` (.parquet, .csv, .csv.gz), whole or not at all.

    Raises `InputError` where the table breaks the schema or the file cannot be written.
    """
    path, table = Path(path), as_schema(table)
    kind = _kind(path)
    if kind == ".parquet":
        write_atomically(path, lambda part: pq.write_table(table, part))
    else:
        body = _csv_bytes(table)
        # No time and no name in the gzip header: the same log is the same bytes.
        whole = gzip.compress(body, 9, mtime=0) if kind == ".csv.gz" else body
        write_atomically(path, lambda part: part.write_bytes(whole))


def _kind(path: Path) -> str:
    refuse_pipe("log.path", path)
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise reject("log.path", path, "a file ending in " + ", ".join(SUFFIXES))


def _told(path: Path) -> str | None:
    """The licence that a Parquet file tells of."""
    if _kind(path) != ".parquet":
        return None
    try:
        told = (pq.read_schema(path).metadata or {}).get(LICENCE.encode())
    except BROKEN:  # which is said when it is read
        return None
    return None if told is None else str(told, "utf-8", "replace")


def _parquet(path: Path, meaning: Meaning) -> Iterator[pa.Table]:
    with _parquet_file(path) as file:
        own = meaning.own_names(file.schema_arrow.names)
        for batch in file.iter_batches(ROWS, columns=sorted(set(own.values()))):
            rows = pa.Table.from_batches([batch])
            yield pa.table({name: rows[column] for name, column in own.items()})


@contextmanager
def _parquet_file(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except FileNotFoundError as error:
        raise InputError(f"log.path = {path}: no such file") from error
    except BROKEN as error:
        raise no_parquet(path) or cannot_be_read(path, error) from error


def _csv_bytes(table: pa.Table) -> bytes:
    for name in LISTS:
        if name in table.column_names:
            at = table.column_names.index(name)
            if any(BETWEEN in entry for entry in pc.unique(pc.list_flatten(table[name])).to_pylist()):
                raise reject(f"log.{name}", f"a name with {BETWEEN!r}", f"names without {BETWEEN!r}, in CSV")
            table = table.set_column(at, name, pc.binary_join(table[name], BETWEEN))
    out = io.BytesIO()
    pyarrow.csv.write_csv(table, out, pyarrow.csv.WriteOptions(quoting_style="needed"))
    return out.getvalue()
