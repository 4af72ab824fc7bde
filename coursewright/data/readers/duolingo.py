"""Duolingo's spaced-repetition traces (Settles & Meeder 2016, ACL), as released with half-life regression.

One row tells how often a learner met a word in one session, and how often they got it right: p_recall,
timestamp, delta, user_id, learning_language, ui_language, lexeme_id, lexeme_string, history_seen,
history_correct, session_seen, session_correct (and in some copies a row number).
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.columns import days, keep, keep_given, numbers, one_each
from coursewright.data.delimited import open_delimited
from coursewright.data.log import Into, LearnerLog, in_memory

COLUMNS = ("user_id", "lexeme_id", "timestamp", "session_seen", "session_correct")
WHY = ("no learner", "no word", "no time", "no session_seen", "no session_correct")
SOURCE = "Duolingo learning traces (Settles & Meeder 2016, A Trainable Spaced Repetition Model, ACL)"
LICENCE = "CC BY-NC 4.0: name the source, no commercial use"


def read_duolingo(
    path: str | Path, expand: bool = True, licence: str | None = LICENCE, into: Into = in_memory
) -> LearnerLog:
    """Read the traces; times in days since 1970-01-01 UTC; a word (lexeme) is item and skill in one.

    With `expand`, a session gives one row for each time that the word was met, all at the session's time.
    Their order was not recorded: wrong answers are put first.  Without, a session is one row, correct where
    every answer was right, with the share of right answers as its grade.  Answers from before the traces
    begin (`history_seen`) have no place in a log and stay behind.  Dropped and counted: rows without an
    entry, and sessions with impossible counts.  Raises `InputError` for missing columns, text in place of
    numbers, and files that cannot be read.
    """
    dropped: Counter[str] = Counter()
    tables = _sessions(Path(path), dropped)
    return into(map(_answers if expand else _whole, tables), SOURCE, licence, dropped)


def _sessions(path: Path, dropped: Counter[str]) -> Iterator[pa.Table]:
    for rows in open_delimited(path).named(COLUMNS):
        rows = keep_given(rows, dropped, dict(zip(COLUMNS, WHY, strict=True)))
        seen, right = (numbers(rows[name], name) for name in ("session_seen", "session_correct"))
        table = pa.table(
            {
                "learner": rows["user_id"],
                "item": rows["lexeme_id"],
                "time": days(rows["timestamp"], "s", "timestamp"),
                "seen": seen,
                "right": right,
            }
        )
        possible = pc.and_(pc.greater_equal(seen, 1.0), pc.less_equal(right, seen))
        possible = pc.and_(possible, pc.greater_equal(right, 0.0))
        yield keep(table, possible, dropped, "impossible counts (not 0 <= session_correct <= session_seen)")


def _answers(sessions: pa.Table) -> pa.Table:
    """One row an answer, the wrong ones of a session first."""
    seen = sessions["seen"].to_numpy().astype(np.int64)
    wrong = seen - sessions["right"].to_numpy().astype(np.int64)
    session = np.repeat(np.arange(len(seen)), seen)
    turn = np.arange(len(session)) - np.repeat(np.cumsum(seen) - seen, seen)
    rows = sessions.take(pa.array(session))
    return _table(rows, pa.array((turn >= wrong[session]).astype(np.int8)))


def _whole(sessions: pa.Table) -> pa.Table:
    """One row a session."""
    grade = pc.divide(sessions["right"], sessions["seen"])
    return _table(sessions, pc.equal(grade, 1.0).cast(pa.int8())).append_column("grade", grade)


def _table(rows: pa.Table, correct: pa.Array) -> pa.Table:
    return pa.table(
        {
            "learner": rows["learner"],
            "item": rows["item"],
            "skills": one_each(rows["item"]),
            "time": rows["time"],
            "correct": correct,
        }
    )
