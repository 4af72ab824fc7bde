"""Learner logs as files: Parquet, or CSV (also gzipped) with the skills of a row joined by ";"."""

import gzip
import io
import zlib
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from coursewright.data.columns import days
from coursewright.data.files import write_atomically
from coursewright.data.log import LearnerLog, learner_log
from coursewright.data.schema import SCHEMA, validate
from coursewright.simulators.errors import InputError, reject

SUFFIXES = (".parquet", ".csv", ".csv.gz")
LISTS = ("skills", "allowed")
BETWEEN = ";"


def read_log(
    path: str | Path, columns: Mapping[str, str] | None = None, source: str = "", licence: str = "not stated"
) -> LearnerLog:
    """Read a log from `path` (.parquet, .csv, .csv.gz), validated and in order.

    `columns` names the file's own columns where they differ from the schema's, such as
    `{"learner": "user_id"}`.  In CSV, `time` is a number (days) or an ISO 8601 timestamp, read as UTC
    where it names no zone.  Raises `InputError` where the file is missing, truncated, of another kind, or
    breaks the schema.
    """
    path = Path(path)
    try:
        table = pq.read_table(path) if _kind(path) == ".parquet" else _read_csv(path)
    except FileNotFoundError as error:
        raise InputError(f"log.path = {path}: no such file") from error
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"log.path = {path}: cannot be read as {_kind(path)[1:]} ({reason})") from error
    return learner_log(_from_text(_renamed(table, columns or {})), source or path.name, licence)


def write_log(path: str | Path, table: pa.Table) -> None:
    """Write `table` [rows] to `path` (.parquet, .csv, .csv.gz), whole or not at all.

    Raises `InputError` where the table breaks the schema or the file cannot be written.
    """
    path, table = Path(path), validate(table)
    kind = _kind(path)
    if kind == ".parquet":
        write_atomically(path, lambda part: pq.write_table(table, part))
    else:
        body = _csv_bytes(table)
        # No time and no name in the gzip header: the same log is the same bytes.
        whole = gzip.compress(body, 9, mtime=0) if kind == ".csv.gz" else body
        write_atomically(path, lambda part: part.write_bytes(whole))


def _kind(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise reject("log.path", path, "a file ending in " + ", ".join(SUFFIXES))


def _read_csv(path: Path) -> pa.Table:
    whole = gzip.decompress(path.read_bytes()) if _kind(path) == ".csv.gz" else path.read_bytes()
    # Names stay text: "007" and "7" are two learners.
    header = whole.split(b"\n", 1)[0].decode("utf-8-sig", "replace").replace('"', "").strip()
    text = {
        name: pa.string()
        for name in header.split(",")
        if name not in SCHEMA.names or name in ("learner", "item")
    }
    text |= dict.fromkeys(LISTS, pa.string())
    options = pyarrow.csv.ConvertOptions(column_types=text, null_values=["", "NA", "NaN", "nan"])
    return pyarrow.csv.read_csv(io.BytesIO(whole), convert_options=options)


def _renamed(table: pa.Table, columns: Mapping[str, str]) -> pa.Table:
    for name, own in columns.items():
        if name not in SCHEMA.names:
            raise reject("log.columns", name, "named after " + ", ".join(SCHEMA.names))
        if own not in table.column_names:
            raise reject(f"log.columns.{name}", own, "a column of the file: " + ", ".join(table.column_names))
    back = {own: name for name, own in columns.items()}
    return table.rename_columns([back.get(own, own) for own in table.column_names])


def _from_text(table: pa.Table) -> pa.Table:
    """Parse lists and times that came as text (CSV, or columns under other names)."""
    for at, name in enumerate(table.column_names):
        column = table.column(at)
        if name in LISTS and not pa.types.is_list(column.type) and not pa.types.is_large_list(column.type):
            table = table.set_column(at, name, pc.split_pattern(column.cast(pa.string()), BETWEEN))
        elif name in ("learner", "item") and pa.types.is_integer(column.type):
            table = table.set_column(at, name, column.cast(pa.string()))
        elif name == "time" and pa.types.is_string(column.type):
            table = table.set_column(at, name, days(column))
    return table


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
