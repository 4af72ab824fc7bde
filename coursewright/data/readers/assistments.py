"""ASSISTments problem logs, 2009-2010 and 2012-2013 (Feng, Heffernan & Koedinger 2009, UMUAI 19).

In these files a problem with several skills stands in several rows, one a skill, with all else alike; in
2009-2010 other rows are plain duplicates.  Left alone, both count one answer twice.  Here they become one.
"""

from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa

from coursewright.data.columns import ISO, days, in_turn, keep, keep_given, names_in, numbers, spent
from coursewright.data.delimited import Delimited, lacks, open_delimited
from coursewright.data.log import Into, LearnerLog, in_memory

# The column that tells one answer from another: the first of these that the file has.
ANSWER = ("order_id", "problem_log_id", "start_time")
BETWEEN = "_"  # the collapsed files join the skills of a row
SOURCE = "ASSISTments problem log (Feng, Heffernan & Koedinger 2009, UMUAI 19)"
GIVEN = {"user_id": "no learner", "problem_id": "no problem", "skill": "no skill", "correct": "no answer"}


def read_assistments(
    path: str | Path,
    skill: str = "skill_id",
    scaffolds: bool = False,
    minutes: str | None = "overlap_time",
    encoding: str = "utf8",
    source: str = SOURCE,
    licence: str | None = None,
    into: Into = in_memory,
) -> LearnerLog:
    """Read a log with user_id, problem_id, correct, the column `skill`, and one of `ANSWER`.

    Times are those of `start_time`; where the file has none they are a **counter and no times**: a learner's
    rows follow each other by one second in the order of `order_id`.  Rows of one answer are merged, their
    skills joined; the rows that this uses up are counted as dropped.  `correct` may be partial credit: it
    becomes the grade, and only 1 is correct.  `scaffolds` keeps rows with original = 0 (the steps into which
    a problem is broken after a wrong answer); `minutes` is the column of durations in ms, None for none;
    negative durations become nulls.  Raises `InputError` for missing columns, wrong values and broken files.
    """
    file = open_delimited(path, encoding)
    answer = next((name for name in ANSWER if name in file.header), None)
    if answer is None:
        raise lacks(file.path, " or ".join(ANSWER), file.header)
    rows = _rows(file, {"skill": skill, "duration": minutes}, answer)
    dropped: Counter[str] = Counter()
    rows = keep_given(rows, dropped, GIVEN | {answer: "no " + answer})
    if "original" in rows.column_names and not scaffolds:
        wanted = pa.compute.equal(numbers(rows["original"], "original"), 1.0)
        rows = keep(rows, wanted, dropped, "scaffold (original = 0)")
    table = _as_log(rows, answer, dropped)
    return into([table], source, licence, dropped, timed="start_time" in rows.column_names)


def _rows(file: Delimited, chosen: dict[str, str | None], answer: str) -> pa.Table:
    """The columns that matter, under names of ours where the file lets one choose."""
    always = {name: name for name in ("user_id", "problem_id", "correct", answer)}
    always |= {name: own for name, own in chosen.items() if own is not None}
    there = {name: name for name in ("start_time", "hint_count", "original") if name in file.header}
    columns = always | there
    names = sorted(set(columns.values()))
    empty = pa.table({name: pa.array([], pa.string()) for name in names})
    whole = pa.concat_tables([empty, *file.named(names)])
    return pa.table({name: whole[own] for name, own in columns.items()})


def _as_log(rows: pa.Table, answer: str, dropped: Counter[str]) -> pa.Table:
    table = rows.to_pandas()
    key = ["user_id", "problem_id", answer]
    repeated = table.duplicated([*key, "skill"])
    dropped["repeated: the same answer and skill again"] += int(repeated.sum())
    table = table[~repeated]
    joined = table.groupby(key, sort=False)["skill"].agg(BETWEEN.join)
    first = table.drop_duplicates(key)
    dropped["merged: another skill of the same answer"] += len(table) - len(first)
    for why in [why for why, n in dropped.items() if not n]:
        del dropped[why]
    one = _in_order(pa.Table.from_pandas(first.assign(skill=joined.to_numpy()), preserve_index=False), answer)
    credit = numbers(one["correct"], "correct")
    columns = {
        "learner": one["user_id"],
        "item": one["problem_id"],
        "skills": names_in(one["skill"], BETWEEN),
        "time": days(one["start_time"], ISO, "start_time") if "start_time" in rows.column_names else None,
        "correct": pa.compute.equal(credit, 1.0).cast(pa.int8()),
        "grade": credit,
    }
    if columns["time"] is None:
        columns["time"] = in_turn(one["user_id"])
    if "hint_count" in rows.column_names:
        columns["assisted"] = pa.compute.greater(numbers(one["hint_count"], "hint_count"), 0.0)
    if "duration" in rows.column_names:
        columns["minutes"] = spent(one["duration"], "ms", "duration")
    return pa.table(columns)


def _in_order(rows: pa.Table, answer: str) -> pa.Table:
    """Rows in the order in which answers were numbered; with start times, in the file's."""
    if "start_time" in rows.column_names:
        return rows
    number = numbers(rows[answer], answer).to_numpy()
    return rows.take(pa.array(pd.Series(number).argsort(kind="stable")))
