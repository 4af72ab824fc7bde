"""Duolingo's second-language acquisition traces (SLAM shared task; Settles et al. 2018, BEA).

An exercise is a line `# user:... countries:... days:... client:... session:... format:... time:...` and then
one for each token: id, token, part of speech, morphology, dependency, head, label (0 right, 1 a mistake).
"""

import gzip
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

import pyarrow as pa

from coursewright.data.columns import one_each
from coursewright.data.delimited import BROKEN, cannot_be_read
from coursewright.data.log import Into, LearnerLog, in_memory
from coursewright.errors import InputError

SOURCE = "Duolingo SLAM traces (Settles et al. 2018, Second Language Acquisition Modeling, BEA)"
LICENCE = "CC BY-NC 4.0: name the source, no commercial use"
CORRECT = {"0": 1, "1": 0}
BATCH = 200_000  # tokens
FIELDS = 7  # of a token line, with its label


class Exercise(NamedTuple):
    """The header of an exercise: learner, time (days since they began), and the seconds it took, if known."""

    learner: str
    days: float
    seconds: float | None


class Token(NamedTuple):
    """One answered word."""

    learner: str
    item: str
    time: float
    correct: int
    minutes: float | None


def read_slam(path: str | Path, licence: str | None = LICENCE, into: Into = in_memory) -> LearnerLog:
    """Read a training file (plain or gzipped); a token in lower case is item and skill in one.

    Times are days since the learner began the course; tokens of an exercise share its time, in order, and
    share out its minutes evenly; negative times of exercises (slips of the logging) become nulls.  Dropped
    and counted: tokens without a label, as in the files to be predicted.  Raises `InputError` for headers
    and tokens of another form, and files that cannot be read.
    """
    path, dropped = Path(path), Counter[str]()
    return into(_tables(path, dropped), SOURCE, licence, dropped)


def _tables(path: Path, dropped: Counter[str]) -> Iterator[pa.Table]:
    try:
        with (
            gzip.open(path, "rt", encoding="utf8")
            if path.suffix == ".gz"
            else path.open(encoding="utf8") as file
        ):
            tokens = _tokens(path, file, dropped)
            while batch := list(islice(tokens, BATCH)):
                yield _table(batch)
    except FileNotFoundError as error:
        raise InputError(f"log.path = {path}: no such file") from error
    except BROKEN as error:
        raise cannot_be_read(path, error) from error


def _table(batch: list[Token]) -> pa.Table:
    table = pa.table(dict(zip(Token._fields, map(list, zip(*batch, strict=True)), strict=True)))
    return table.append_column("skills", one_each(table["item"]))


def _tokens(path: Path, lines: TextIO, dropped: Counter[str]) -> Iterator[Token]:
    exercise: Exercise | None = None
    waiting: list[tuple[str, int]] = []
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields:
            continue
        if fields[0].startswith("#"):
            if "user:" in line:
                yield from _answered(exercise, waiting)
                exercise, waiting = _header(path, number, fields), []
        elif len(fields) == FIELDS - 1:
            dropped["no label"] += 1
        elif exercise is None or len(fields) != FIELDS or fields[-1] not in CORRECT:
            allowed = f"a token with {FIELDS} fields, the last 0 or 1, after a header with user: and days:"
            raise InputError(
                f"log.path = {path}: line {number} has {len(fields)} fields, but must be {allowed}"
            )
        else:
            waiting.append((fields[1].lower(), CORRECT[fields[-1]]))
    yield from _answered(exercise, waiting)


def _answered(exercise: Exercise | None, tokens: list[tuple[str, int]]) -> Iterator[Token]:
    if exercise is not None:
        minutes = None if exercise.seconds is None else exercise.seconds / 60.0 / max(1, len(tokens))
        for item, correct in tokens:
            yield Token(exercise.learner, item, exercise.days, correct, minutes)


def _header(path: Path, number: int, fields: list[str]) -> Exercise:
    said = dict(field.split(":", 1) for field in fields if ":" in field)
    try:
        seconds = float(said["time"]) if said.get("time", "null") != "null" else None
        return Exercise(said["user"], float(said["days"]), None if (seconds or 0.0) < 0.0 else seconds)
    except (KeyError, ValueError) as error:
        form = "user:... days:... time:..."
        raise InputError(
            f"log.path = {path}: line {number} is a header, but not of the form {form}"
        ) from error
