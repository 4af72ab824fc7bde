"""Junyi Academy: mathematics exercises (Chang, Hsu & Chen 2015, EDM).

Two forms: the public `ProblemLog` (user_id, exercise, time_done in microseconds, time_taken in seconds,
correct, hint_used), and samples of it without time (user_id, exer_id, score).  An exercise is item and skill
in one.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.columns import days, in_turn, keep_given, labels, one_each, spent
from coursewright.data.delimited import open_delimited
from coursewright.data.log import Into, LearnerLog, in_memory
from coursewright.errors import InputError

PUBLIC = ("user_id", "exercise", "time_done", "time_taken", "correct", "hint_used")
SAMPLE = ("user_id", "exer_id", "score")
TRUTH = {"TRUE": 1, "FALSE": 0, "1": 1, "0": 0}
GIVEN = {"user_id": "no learner", "exercise": "no exercise", "correct": "no answer"}
SOURCE = "Junyi Academy (Chang, Hsu & Chen 2015, Modeling Exercise Relationships in E-Learning, EDM)"
LICENCE = "no commercial use"


def read_junyi(path: str | Path, licence: str | None = LICENCE, into: Into = in_memory) -> LearnerLog:
    """Read one file, or every file of a folder that has the columns of a sample (train and test).

    With `time_done`, times are days since 1970-01-01 UTC.  Without, they are a **counter and no times**: a
    learner's rows follow each other by one second in the order of the files, which is not known to be the
    order of practice.  Dropped and counted: rows without learner, exercise, answer or time.  Raises
    `InputError` for missing columns, wrong values, and files that cannot be read.
    """
    path, dropped = Path(path), Counter[str]()
    header = set() if path.is_dir() else set(open_delimited(path).header)
    tables = _with_times(path, dropped) if "time_done" in header else _in_turn(path, dropped)
    timed = "time_done" in header
    source = SOURCE if timed else f"{SOURCE}; without times: rows are counted, a second apart"
    return into(tables, source, licence, dropped, timed)


def _with_times(path: Path, dropped: Counter[str]) -> Iterator[pa.Table]:
    for rows in open_delimited(path).named(PUBLIC):
        rows = keep_given(rows, dropped, GIVEN | {"time_done": "no time"})
        yield pa.table(
            {
                "learner": rows["user_id"],
                "item": rows["exercise"],
                "skills": one_each(rows["exercise"]),
                "time": days(rows["time_done"], "us", "time_done"),
                "correct": labels(rows["correct"], TRUTH, "correct"),
                "minutes": spent(rows["time_taken"], "s", "time_taken"),
                "assisted": pc.equal(labels(rows["hint_used"], TRUTH, "hint_used"), 1),
            }
        )


def _in_turn(path: Path, dropped: Counter[str]) -> Iterator[pa.Table]:
    """One table of all files: a counter has to have seen every earlier row of its learner."""
    files = [path]
    if path.is_dir():
        texts = sorted(file for file in path.iterdir() if file.name.endswith((".csv", ".csv.gz")))
        files = [file for file in texts if set(SAMPLE) <= set(open_delimited(file).header)]
        if not files:
            raise InputError(f"log.path = {path}: holds no CSV file with the columns {', '.join(SAMPLE)}")
    whole = [rows for file in files for rows in open_delimited(file).named(SAMPLE)]
    if not whole:
        return
    rows = keep_given(pa.concat_tables(whole).rename_columns(list(GIVEN)), dropped, GIVEN)
    yield pa.table(
        {
            "learner": rows["user_id"],
            "item": rows["exercise"],
            "skills": one_each(rows["exercise"]),
            "time": in_turn(rows["user_id"]),
            "correct": labels(rows["correct"], TRUTH, "score"),
        }
    )
