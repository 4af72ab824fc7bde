"""Learner logs larger than memory: a folder of Parquet files, written, checked and read a piece at a time.

`store` takes a reader's rows in place of `log.in_memory`.  Each batch is validated by the same rules
and spread over part files by a hash of the learner, so that all rows of a learner lie in one part; then each
part is sorted by itself.  One part has to fit in memory.
"""

import errno
import json
import shutil
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coursewright.data.log import in_order, no_rows, summary
from coursewright.data.schema import as_schema
from coursewright.errors import InputError, reject
from coursewright.files import part_of
from coursewright.progress import Progress, each

FACTS = "log.json"
ROWS = 1 << 17  # in a row group, and read at a time
WAITING = 256 << 20  # bytes of rows that wait in memory, over all parts, before they go to disk


@dataclass(frozen=True)
class StoredLog:
    """A log on disk; `rows` and `learners` are counts, the rest is as in `LearnerLog`."""

    path: Path
    source: str
    licence: str | None
    rows: int
    learners: int
    reordered: int
    dropped: Mapping[str, int]
    duplicates: int = 0
    timed: bool = True

    @property
    def summary(self) -> str:
        """The rows kept, put in order and left out, in words for people."""
        return summary(self.rows, self.learners, self)

    @property
    def parts(self) -> list[Path]:
        """The part files, each with whole learners in order of learner, time and file."""
        return sorted(self.path.glob("part-*.parquet"))


def store(
    tables: Iterable[pa.Table],
    source: str,
    licence: str | None,
    dropped: Mapping[str, int],
    timed: bool = True,
    unique: bool = False,
    *,
    folder: str | Path,
    parts: int = 64,
) -> StoredLog:
    """Write the batches `tables`, in file order, as a log in the new folder `folder`, whole or not at all.

    Besides the log itself (some 20 bytes a row) this needs disk for a copy of it while it runs.  Raises
    `InputError` as `as_schema` does, where no row is left, for fewer than one part or more than 1,000, and
    where `folder` exists or cannot be written.
    """
    folder = Path(folder)
    if not 1 <= parts <= 1000:
        raise reject("parts", parts, "from 1 to 1,000")
    if folder.exists():
        raise InputError(f"to = {folder}: exists; name a new folder, or remove that one")
    work = part_of(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir(mode=0o700)  # learners' answers; the finished folder is as private
        rows = _spread(tables, work, parts)
        if not rows:
            raise no_rows(dropped)
        files = each(sorted(work.glob("*.arrows")), "sorting it", "parts")
        sorted_ = [_sort(file, unique) for file in files]
        left_out = sum((Counter(part.dropped) for part in sorted_), Counter(dropped))
        stored = StoredLog(
            folder,
            source,
            licence,
            sum(part.rows for part in sorted_),
            sum(part.learners for part in sorted_),
            sum(part.reordered for part in sorted_),
            {**dropped, **left_out},
            sum(part.duplicates for part in sorted_),
            timed and any(part.timed for part in sorted_),
        )
        facts = {name: value for name, value in asdict(stored).items() if name != "path"}
        (work / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        work.rename(folder)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise InputError(f"to = {folder}: another process wrote a log there meanwhile") from error
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
    with ExitStack() as files, Progress("reading the log", None, "rows") as progress:

        def flush() -> None:
            for part, pieces in waiting.items():
                if pieces:
                    whole = pa.concat_tables(pieces).combine_chunks()
                    if part not in writers:
                        file = work / f"part-{part:04d}.arrows"
                        file.touch(0o600)
                        sink = files.enter_context(pa.OSFile(str(file), "wb"))
                        opened = pa.ipc.new_stream(sink, whole.schema, options=options)
                        writers[part] = files.enter_context(opened)
                    writers[part].write_table(whole)
                    pieces.clear()

        for table in tables:
            if not table.num_rows:
                continue
            typed = as_schema(table, first_row=rows)
            for part, piece in _by_learner(typed, parts):
                waiting[part].append(piece)
            rows += typed.num_rows
            progress.show(rows)
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


class Sorted(NamedTuple):
    """The counts of one part; see `log.Ordered`."""

    rows: int
    learners: int
    reordered: int
    duplicates: int
    dropped: Mapping[str, int]
    timed: bool


def _sort(file: Path, unique: bool) -> Sorted:
    """Turn one part into Parquet, in order."""
    with pa.memory_map(str(file)) as source:
        found = in_order(pa.ipc.open_stream(source).read_all(), unique)
    file.unlink()
    kept = file.with_suffix(".parquet")
    kept.touch(0o600)
    pq.write_table(found.table, kept, row_group_size=ROWS, compression="zstd")
    rows, learners = found.table.num_rows, len(pc.unique(found.table["learner"]))
    return Sorted(rows, learners, found.reordered, found.duplicates, found.dropped, found.timed)


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
    for rows in batches(open_stored(path)):
        held = rows if held is None else pa.concat_tables([held, rows])
        first = np.append(0, changes(held["learner"]))
        # The last learner may go on in the next batch.
        for begin in range(0, len(first) - learners, learners):
            yield held.slice(first[begin], first[begin + learners] - first[begin])
        held = held.slice(first[(len(first) - 1) // learners * learners])
    if held is not None:
        yield held


def batches(stored: StoredLog, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """All rows in order, at most `ROWS` at a time; of `columns`, if given."""
    for part in stored.parts:
        for batch in pq.ParquetFile(part).iter_batches(ROWS, columns=columns):
            yield pa.Table.from_batches([batch])


def changes(names: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The rows, but for the first, whose name differs from that of the row before."""
    whole = names.combine_chunks()
    return np.flatnonzero(pc.not_equal(whole[1:], whole[:-1]).to_numpy(zero_copy_only=False)) + 1
