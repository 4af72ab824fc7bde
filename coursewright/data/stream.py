"""Learner logs larger than memory: a folder of Parquet files, written, checked and read a piece at a time.

`store` is where a reader's rows can go instead of `log.in_memory`: each batch is validated by the same rules
and spread over part files by a hash of the learner, so that all rows of a learner lie in one part; then each
part is sorted by itself.  What has to fit in memory is one part.
"""

import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coursewright.data.log import LearnerLog, in_order, no_rows, sorted_ids, summary
from coursewright.data.schema import validate
from coursewright.simulators.errors import InputError, reject

FACTS = "log.json"
ROWS = 1 << 17  # in a row group, and read at a time
WAITING = 256 << 20  # bytes of rows that wait in memory, over all parts, before they go to disk
NAMES = ("learner", "item", "skills")
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class StoredLog:
    """A log on disk; `rows` and `learners` are counts, the rest is as in `LearnerLog`."""

    path: Path
    source: str
    licence: str
    rows: int
    learners: int
    reordered: int
    dropped: Mapping[str, int]

    @property
    def summary(self) -> str:
        """What was kept, put in order and left out, for people."""
        return summary(self.rows, self.learners, self.reordered, self.dropped)

    @property
    def parts(self) -> list[Path]:
        """The part files, each with whole learners in order of learner, time and file."""
        return sorted(self.path.glob("part-*.parquet"))


def store(
    tables: Iterable[pa.Table],
    source: str,
    licence: str,
    dropped: Mapping[str, int],
    *,
    folder: str | Path,
    parts: int = 64,
) -> StoredLog:
    """Write the batches `tables`, in file order, as a log in the new folder `folder`, whole or not at all.

    Besides the log itself (some 20 bytes a row) this needs disk for a copy of it while it runs.  Raises
    `InputError` as `validate` does, where no row is left, for fewer than one part or more than 1,000, and
    where `folder` exists or cannot be written.
    """
    folder = Path(folder)
    if not 1 <= parts <= 1000:
        raise reject("parts", parts, "from 1 to 1,000")
    if folder.exists():
        raise InputError(f"to = {folder}: exists; name a new folder, or remove that one")
    work = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        work.mkdir(parents=True)
        rows = _spread(tables, work, parts)
        if not rows:
            raise no_rows(dropped)
        sizes = [_sort(file) for file in sorted(work.glob("*.arrows"))]
        learners, reordered = (sum(size[at] for size in sizes) for at in (0, 1))
        stored = StoredLog(folder, source, licence, rows, learners, reordered, dict(dropped))
        facts = {name: value for name, value in asdict(stored).items() if name != "path"}
        (work / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        work.rename(folder)
    except OSError as error:
        raise InputError(f"to = {folder}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return stored


def _spread(tables: Iterable[pa.Table], work: Path, parts: int) -> int:
    """Append each row to its learner's part, unsorted; the number of rows."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
    waiting: dict[int, list[pa.Table]] = {part: [] for part in range(parts)}
    rows = held = 0
    with ExitStack() as files:

        def flush() -> None:
            for part, pieces in waiting.items():
                if pieces:
                    whole = pa.concat_tables(pieces).combine_chunks()
                    if part not in writers:
                        sink = files.enter_context(pa.OSFile(str(work / f"part-{part:04d}.arrows"), "wb"))
                        opened = pa.ipc.new_stream(sink, whole.schema, options=options)
                        writers[part] = files.enter_context(opened)
                    writers[part].write_table(whole)
                    pieces.clear()

        for table in tables:
            if not table.num_rows:
                continue
            typed = validate(table, first_row=rows)
            for part, piece in _by_learner(typed, parts):
                waiting[part].append(piece)
            rows += typed.num_rows
            held += typed.nbytes
            if held > WAITING:
                flush()
                held = 0
        flush()
    return rows


def _by_learner(table: pa.Table, parts: int) -> Iterator[tuple[int, pa.Table]]:
    """Split rows by a hash of the learner that is the same on every machine; order is kept."""
    encoded = table["learner"].combine_chunks().dictionary_encode()
    hashed = [zlib.crc32(name.encode()) % parts for name in encoded.dictionary.to_pylist()]
    part = np.array(hashed)[encoded.indices.to_numpy()]
    order = np.argsort(part, kind="stable")
    first = np.searchsorted(part[order], np.arange(parts + 1))
    grouped = table.take(pa.array(order))
    for at in range(parts):
        if first[at] < first[at + 1]:
            yield at, grouped.slice(first[at], first[at + 1] - first[at])


def _sort(file: Path) -> tuple[int, int]:
    """Turn one part into Parquet, in order: how many learners it has, and rows that were out of order."""
    with pa.memory_map(str(file)) as source:
        ordered, backwards = in_order(pa.ipc.open_stream(source).read_all())
    file.unlink()
    kept = file.with_suffix(".parquet")
    pq.write_table(ordered, kept, row_group_size=ROWS, compression="zstd")
    return len(pc.unique(ordered["learner"])), backwards


def open_stored(path: str | Path) -> StoredLog:
    """The log in the folder `path`.  Raises `InputError` where there is none, or not all of it."""
    path = Path(path)
    try:
        facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
        stored = StoredLog(path, **facts)
        rows = sum(pq.read_metadata(part).num_rows for part in stored.parts)
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"log.path = {path}: is no stored log; `coursewright import` makes one ({reason})"
        ) from error
    if rows != stored.rows:
        raise InputError(f"log.path = {path}: has {rows:,} of the {stored.rows:,} rows that {FACTS} tells of")
    return stored


def iterate(path: str | Path, learners: int = 1000) -> Iterator[pa.Table]:
    """The log in the folder `path` as tables of `learners` whole learners each (the last may have fewer).

    Rows are in order of learner, time and file within a part, and parts follow each other.  Needs memory for
    one such table and `ROWS` rows.  Raises `InputError` as `open_stored`, and for learners < 1.
    """
    if learners < 1:
        raise reject("learners", learners, "at least 1")
    held: pa.Table | None = None
    for rows in _batches(open_stored(path)):
        held = rows if held is None else pa.concat_tables([held, rows])
        first = np.append(0, _changes(held["learner"]))
        # The last learner may go on in the next batch.
        for begin in range(0, len(first) - learners, learners):
            yield held.slice(first[begin], first[begin + learners] - first[begin])
        held = held.slice(first[(len(first) - 1) // learners * learners])
    if held is not None:
        yield held


def _batches(stored: StoredLog, columns: list[str] | None = None) -> Iterator[pa.Table]:
    for part in stored.parts:
        for batch in pq.ParquetFile(part).iter_batches(ROWS, columns=columns):
            yield pa.Table.from_batches([batch])


def _changes(names: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The rows whose name differs from that of the row before."""
    whole = names.combine_chunks()
    return np.flatnonzero(pc.not_equal(whole[1:], whole[:-1]).to_numpy(zero_copy_only=False)) + 1


def read_stored(path: str | Path) -> LearnerLog:
    """All of the log in the folder `path` in memory, its names as numbers (dictionary-encoded columns).

    A row takes some 25 bytes, and as much again for a moment while the rows are put in order, against
    hundreds as text.  The rows and their order are those of the log before it was stored.  Evaluation
    columns (allowed, propensity) stay on disk.  Raises `InputError` as `open_stored`.
    """
    stored = open_stored(path)
    names = {name: _Numbers() for name in NAMES}
    pieces: dict[str, list[npt.NDArray[np.generic]]] = {}
    first = pq.read_schema(stored.parts[0]).names
    columns = [name for name in first if name not in ("allowed", "propensity")]
    for rows in _batches(stored, columns):
        for name in columns:
            pieces.setdefault(name, []).append(_numeric(rows[name], names.get(name)))
        pieces.setdefault("length", []).append(pc.list_value_length(rows["skills"]).to_numpy())
    whole = {name: np.concatenate(pieces.pop(name)) for name in list(pieces)}
    order = np.argsort(names["learner"].rank()[whole["learner"]], kind="stable")
    offsets = np.append(0, np.cumsum(whole.pop("length"), dtype=np.int32)).astype(np.int32)
    table = {name: pa.array(values, from_pandas=True) for name, values in whole.items()}
    for name in NAMES:
        table[name] = pa.DictionaryArray.from_arrays(table[name], names[name].known)
    table["skills"] = pa.ListArray.from_arrays(pa.array(offsets), table["skills"])
    return LearnerLog(
        pa.table(table).take(pa.array(order)), stored.source, stored.licence, stored.reordered, stored.dropped
    )


class _Numbers:
    """Names and the numbers that they were given in order of appearance."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    @property
    def known(self) -> list[str]:
        return list(self.of)

    def number(self, names: pa.ChunkedArray) -> Codes:
        """The numbers [rows] of `names` [rows]."""
        encoded = names.combine_chunks().dictionary_encode()
        own = [self.of.setdefault(name, len(self.of)) for name in encoded.dictionary.to_pylist()]
        codes: Codes = np.array(own, dtype=np.int32)
        return np.asarray(codes[np.asarray(encoded.indices)], dtype=np.int32)

    def rank(self) -> Codes:
        """The place of each number's name in sorted order."""
        place = {name: at for at, name in enumerate(sorted_ids(self.known))}
        return np.array([place[name] for name in self.of], dtype=np.int32)


def _numeric(column: pa.ChunkedArray, names: _Numbers | None) -> npt.NDArray[np.generic]:
    if names is None:
        return np.asarray(column.to_numpy())
    return names.number(pc.list_flatten(column) if pa.types.is_list(column.type) else column)
