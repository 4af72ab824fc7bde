"""Anki's review logs, in the two forms in which they are passed around.

With times: `card_id, review_rating, review_time, review_duration` (as FSRS optimizers read them), ISO 8601
or milliseconds since 1970.  Without times: `card_id, rating, elapsed_seconds, duration` and `day_offset` or
`review_th`, as in the public collections of Open Spaced Repetition (FSRS-Anki-20k as CSV, anki-revlogs-10k as
Parquet under `user_id=1/`, `user_id=2/`, ...), one learner a file.

A rating is 1 (again), 2 (hard), 3 (good) or 4 (easy).
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coursewright.data.columns import ISO, days, keep, keep_given, numbers, one_each
from coursewright.data.delimited import BROKEN, cannot_be_read, lacks, open_delimited
from coursewright.data.log import Into, LearnerLog, in_memory
from coursewright.errors import InputError, reject

ENDINGS = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
MINUTE_MS = 60_000.0
DAY_S = 86_400.0
SOURCE = "Anki review log"
TIMED = {"item": "card_id", "rating": "review_rating", "when": "review_time", "duration": "review_duration"}
ELAPSED = {"item": "card_id", "rating": "rating", "elapsed": "elapsed_seconds", "duration": "duration"}
OPTIONAL = {"learner": "user_id", "day": "day_offset", "place": "review_th"}
GIVEN = {"item": "no card", "skill": "no skill", "learner": "no learner"}


def read_anki(
    path: str | Path,
    learner: str = "1",
    skill: str = "card_id",
    source: str = SOURCE,
    licence: str | None = None,
    zone: str | None = None,
    rollover: float = 4.0,
    into: Into = in_memory,
) -> LearnerLog:
    """Read one review log (.csv, .csv.gz, .tsv, .parquet), or a folder of them (`user_id=1/...parquet`).

    A response is correct where the rating is above 1; its grade is (rating - 1) / 3.  `skill` is the column
    that gives the skill: every card is one of its own unless told otherwise.  Learners come from the column
    `user_id`, else from a folder named `user_id=...`, else all rows are those of `learner`.

    With a `zone` (the learner's, such as Europe/Berlin), times are read on its clocks and days begin at
    `rollover` o'clock, as Anki's do: the whole part of a time is then Anki's day, which `model.calendar=true`
    counts in a fit of FSRS.  Without, times are days since 1970-01-01 UTC.

    Without times, each card's own intervals are kept exactly, and a card is first met when the row before it
    in the file happened, or at the start of its `day_offset`, whichever is later; day 0 is arbitrary.
    Dropped and counted: ratings outside 1 to 4 (a card rescheduled by hand), rows without card or time.
    Raises `InputError` for missing columns, wrong values, and files that cannot be read.
    """
    if not 0.0 <= rollover < 24.0:
        raise reject("log.rollover", rollover, "an hour of the day, from 0 to below 24")
    dropped: Counter[str] = Counter()
    files = _files(Path(path))
    clock = None if zone is None else Clock(_zone(zone), rollover)
    tables = (_as_log(rows, dropped, clock) for file in files for rows in _rows(file, learner, skill))
    return into(tables, source, licence, dropped)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.name.endswith(ENDINGS))
    if not files:
        raise InputError(f"log.path = {path}: holds no review log ({', '.join(ENDINGS)})")
    return files


def _rows(file: Path, learner: str, skill: str) -> Iterator[pa.Table]:
    """The columns that matter as text, under names of ours; whole files where times must be added up."""
    parquet = file.suffix == ".parquet"
    header = _parquet_names(file) if parquet else open_delimited(file).header
    form = TIMED if "review_time" in header else ELAPSED
    columns = {**form, **{ours: own for ours, own in OPTIONAL.items() if own in header}, "skill": skill}
    missing = [own for own in columns.values() if own not in header]
    if missing:
        raise lacks(file, missing[0], header)
    wanted = sorted(set(columns.values()))
    batches: Iterator[pa.Table] = _parquet(file, wanted) if parquet else open_delimited(file).named(wanted)
    if form is ELAPSED:
        batches = iter([pa.concat_tables(batches)])
    named = [part.split("=", 1)[1] for part in file.parts if part.startswith("user_id=")]
    for rows in batches:
        table = pa.table({ours: rows[own] for ours, own in columns.items()})
        if "learner" not in columns:
            name = pa.scalar(named[-1] if named else learner)
            table = table.append_column("learner", pa.repeat(name, table.num_rows))
        yield table


def _parquet_names(file: Path) -> tuple[str, ...]:
    try:
        return tuple(pq.read_schema(file).names)
    except FileNotFoundError as error:
        raise InputError(f"log.path = {file}: no such file") from error
    except BROKEN as error:
        raise cannot_be_read(file, error) from error


def _parquet(file: Path, names: list[str]) -> Iterator[pa.Table]:
    try:
        table = pq.ParquetFile(file).read(names)
    except BROKEN as error:
        raise cannot_be_read(file, error) from error
    yield pa.table({name: table[name].cast(pa.string()) for name in names})


class Clock(NamedTuple):
    """The clocks by which a learner's days begin: a time zone, and an hour of the day."""

    zone: ZoneInfo
    rollover: float

    def read(self, time: pa.Array) -> pa.Array:
        """Days since 1970 UTC [rows] -> days on these clocks [rows], which are whole at the `rollover`."""
        day = np.asarray(time, np.float64)
        utc = pd.Series(np.rint(day * DAY_S * 1e6).astype("datetime64[us]")).dt.tz_localize("UTC")
        ahead = utc.dt.tz_convert(self.zone).dt.tz_localize(None) - utc.dt.tz_localize(None)
        return pa.array(day + ahead.dt.total_seconds().to_numpy() / DAY_S - self.rollover / 24.0)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise reject("log.zone", repr(name), "a time zone, such as Europe/Berlin, or null") from error


def _as_log(rows: pa.Table, dropped: Counter[str], clock: Clock | None) -> pa.Table:
    rows = keep_given(rows, dropped, GIVEN)
    if "when" in rows.column_names:
        rows = keep_given(rows, dropped, {"when": "no time"})
        time = _moments(rows["when"])
        time = time if clock is None else clock.read(time)
    elif clock is not None:
        raise reject("log.zone", repr(str(clock.zone)), "null: this log has no times of the day")
    else:
        time = _added_up(rows)
    rows = rows.append_column("time", time).append_column("stars", numbers(rows["rating"], "rating"))
    rated = pc.is_in(rows["stars"], pa.array([1.0, 2.0, 3.0, 4.0]))
    rows = keep(rows, rated, dropped, "rating outside 1 to 4")
    return pa.table(
        {
            "learner": rows["learner"],
            "item": rows["item"],
            "skills": one_each(rows["skill"]),
            "time": rows["time"],
            "correct": pc.greater(rows["stars"], 1.0).cast(pa.int8()),
            "grade": pc.divide(pc.subtract(rows["stars"], 1.0), 3.0),
            "minutes": pc.divide(numbers(rows["duration"], "duration"), MINUTE_MS),
        }
    )


def _moments(text: pa.ChunkedArray) -> pa.Array:
    """ISO 8601 or milliseconds -> days [rows]."""
    plain = len(text) > 0 and text[0].as_py().strip().isdigit()
    return days(text, "ms" if plain else ISO, "review_time")


def _added_up(rows: pa.Table) -> pa.Array:
    """Days [rows] from the seconds since each card's last review (-1 or nothing: it is the first)."""
    elapsed = numbers(rows["elapsed"], "elapsed_seconds").fill_null(-1.0).to_numpy() / DAY_S
    day = numbers(rows["day"], "day_offset").to_numpy() if "day" in rows.column_names else np.zeros(len(rows))
    place = numbers(rows["place"], "review_th").to_numpy() if "place" in rows.column_names else day
    time = np.zeros(len(rows))
    now: dict[str, float] = {}
    last: dict[tuple[str, str], float] = {}
    learner, card = rows["learner"].to_pylist(), rows["item"].to_pylist()
    for row in np.argsort(place, kind="stable").tolist():
        who, which = learner[row], (learner[row], card[row])
        if elapsed[row] >= 0.0 and which in last:
            time[row] = last[which] + elapsed[row]
        else:
            time[row] = max(now.get(who, 0.0), day[row])
        now[who] = last[which] = time[row]
    return pa.array(time)
