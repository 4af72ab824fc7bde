"""A store's responses as a learner log in our schema: for fits, and for judging other policies."""

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, select

from coursewright.data.log import Into, LearnerLog, in_memory
from coursewright.data.read import write_log
from coursewright.data.schema import SCHEMA
from coursewright.errors import InputError
from coursewright.live import tables
from coursewright.live.erasing import note
from coursewright.live.mind import unpacked
from coursewright.live.store import Store

ROWS = 50_000  # of a log, at a time
COLUMNS = ("learner", "item", "skills", "time", "correct", "minutes", "allowed", "propensity")
Place = tuple[int, int]  # of a response in the log: the number of its learner, and its turn
Course = list[tuple[str, list[str]]]


def write_store_log(store: Store, to: Path, noted: str | None = None) -> int:
    """Write the log of a store, and note the file in it; see `Recommender.log`."""
    with store.read() as connection:
        parts = list(rows(connection))
    if not parts:
        raise InputError("log: nobody has answered yet", "log")
    table = pa.concat_tables(parts)
    write_log(to, table)
    with store.write() as connection:
        note(connection, "log", noted or str(to.resolve()))
    return int(table.num_rows)


def read_store(path: str, into: Into = in_memory, licence: str | None = None) -> LearnerLog:
    """The log of a store, `log=live`: a SQLite file or a PostgreSQL URL.

    Learners stay pseudonyms, so that no key is needed.  Whoever was forgotten is not in it.  Raises
    `InputError` for a path where there is no store, and for a store without rows.
    """
    try:
        opened = Store(path, fresh=False)
    except InputError as error:  # the same line, for the setting of a log
        raise InputError(f"log.path{str(error).removeprefix(error.field)}", "log.path") from error
    try:
        with opened.read() as connection:
            return into(rows(connection), opened.place, licence, {})
    finally:
        opened.close()


def rows(connection: Connection) -> Iterator[pa.Table]:
    """The responses, in the schema's columns, in batches; new lessons are no rows."""
    schema = pa.schema([SCHEMA.field(name) for name in COLUMNS])
    whole = told(connection)
    while part := list(islice(whole, ROWS)):
        yield pa.table({name: [row[name] for row in part] for name in COLUMNS}, schema=schema)


def told(
    connection: Connection,
    after: Place | None = None,
    since: float | None = None,
    most: int | None = None,
    codes: Collection[bytes] | None = None,
) -> Iterator[dict[str, Any]]:
    """The responses by the names of `COLUMNS`, with the `code`, the `place` and the `tutor` of each.

    They begin `after` the place of one in the log, where that is given, and are `most` at the most; `since`
    leaves out those of before (days since 1970 UTC); of `codes`, where some are given, they are alone.
    """
    courses: dict[str, Course] = {
        row.fingerprint: json.loads(row.course) for row in connection.execute(select(tables.tutor))
    }
    event, learner = tables.event, tables.learner
    query = (
        select(event, learner.c.pseudonym)
        .join(learner, learner.c.number == event.c.learner)
        .where(event.c.item.is_not(None))
        .order_by(event.c.learner, event.c.turn)
    )
    if after is not None:
        here = (event.c.learner > after[0]) | ((event.c.learner == after[0]) & (event.c.turn > after[1]))
        query = query.where(here)
    if since is not None:
        query = query.where(event.c.time >= since)
    if codes is not None:
        query = query.where(event.c.code.in_(sorted(codes)))
    query = query.limit(most)
    found = connection.execution_options(yield_per=ROWS).execute(query).mappings()
    skills = {fingerprint: dict(course) for fingerprint, course in courses.items()}
    for row in found:
        cells = {name: _cell(name, row, courses, skills) for name in (*COLUMNS, "code", "tutor")}
        yield cells | {"place": (row["learner"], row["turn"])}


def _cell(
    name: str,
    row: Mapping[Any, Any],
    courses: Mapping[str, Course],
    skills: Mapping[str, Mapping[str, list[str]]],
) -> object:
    if name == "learner":
        return bytes(row["pseudonym"]).hex()
    if name == "skills":
        return skills[row["tutor"]][row["item"]]
    if name == "allowed":
        if row["offered"] is None or row["propensity"] is None:
            return None
        course = courses[row["tutor"]]
        return [
            item
            for (item, _), free in zip(course, unpacked(row["offered"], len(course)), strict=True)
            if free
        ]
    return row[name]
