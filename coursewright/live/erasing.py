"""Forgetting a learner for good, and the copies of a store that outlive it."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from coursewright.errors import InputError, reject
from coursewright.live import tables
from coursewright.live.searching import found
from coursewright.live.store import Store
from coursewright.live.words import DAY, UNMET, Forgotten, now

PATIENCE = 10.0  # seconds for readers to let go of the log of changes
WAL = "wal_keep_size", "max_wal_size", "archive_mode", "wal_level"


def forget(store: Store, pseudonym: bytes, sealed: bytes) -> Forgotten:
    """Erase the rows of a learner, then all that the files still hold of them; see `Recommender.forget`.

    Raises `InputError` for a learner who is not there.
    """
    learner, number = tables.learner, 0
    with store.write() as connection:
        asked = tables.question.c.pseudonym == pseudonym
        asked_only = connection.execute(delete(tables.question).where(asked)).rowcount
        query = select(learner.c.number, learner.c.name).where(learner.c.pseudonym == pseudonym)
        met = connection.execute(query).one_or_none()
        if met is None and not asked_only:
            raise InputError(UNMET, "learner")
        number = 0 if met is None else int(met.number)
        codes = (
            (pseudonym, sealed) if met is None or met.name is None else (pseudonym, sealed, bytes(met.name))
        )
        event = tables.event
        answered = select(func.count()).where(event.c.learner == number, event.c.item.is_not(None))
        responses = int(connection.scalar(answered) or 0)  # the beginning of a lesson is none
        gone = [
            connection.execute(delete(table).where(table.c.learner == number)).rowcount
            for table in (tables.event, tables.override)
        ]
        connection.execute(delete(learner).where(learner.c.number == number))
        left, older = _copies(connection, number)
    notes = _emptied(store, codes) if store.sqlite is not None else _vacuumed(store)
    if left:
        notes.append(
            "the files that are listed may still hold the learner's rows: make them anew or delete them"
        )
    if older:
        told = "the learner is not in it, unless the same id was forgotten before and met again"
        notes.append(f"what went out before the learner was met ({older:,} times) is not listed: {told}")
    notes.append("what was fitted to such a log, or trained on such a fit, is to be made anew: fit log=live")
    return Forgotten(responses, gone[1], left, notes)


def _copies(connection: Connection, number: int) -> tuple[list[str], int]:
    """A line for each place that rows went to since a learner was met, and the number of earlier goings."""
    table, older = tables.copy, 0
    places: dict[tuple[str, str], list[Any]] = {}
    for row in connection.execute(select(table).order_by(table.c.time)):
        if row.newest is not None and row.newest < number:
            older += 1
        else:
            places.setdefault((row.kind, row.path), []).append(row)
    lines = []
    for (kind, path), rows in places.items():
        several = "" if len(rows) == 1 else f"{len(rows):,} times, the last "
        last = f"of {_date(rows[-1].time)}, {rows[-1].learners:,} learners"
        lines.append(f"{kind}: {path} ({several}{last})")
    return lines, older


def _date(days: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(days * DAY))


def _emptied(store: Store, codes: tuple[bytes, ...]) -> list[str]:
    """Empty SQLite's log of changes, and rewrite the file where a deleted row has left a trace."""
    assert store.sqlite is not None
    deadline = time.monotonic() + PATIENCE
    while not _checkpointed(store) and time.monotonic() < deadline:
        time.sleep(0.05)
    if found(files_of(store.sqlite), codes):
        with store.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            with suppress(sqlite3.OperationalError):  # another process is at work: the search below tells
                raw.execute("VACUUM")
        while not _checkpointed(store) and time.monotonic() < deadline:
            time.sleep(0.05)
    if found(files_of(store.sqlite), codes):
        return ["a reader keeps old pages in use: call forget again, or restart the service, to erase them"]
    return [f"neither id nor pseudonym is in {', '.join(path.name for path in files_of(store.sqlite))}"]


def _checkpointed(store: Store) -> bool:
    with store.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        [busy, _, _] = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return int(busy) == 0


def files_of(path: Path) -> list[Path]:
    """A SQLite file and those that stand beside it while it is in use."""
    return [place for end in ("", "-wal", "-shm", "-journal") if (place := Path(f"{path}{end}")).exists()]


def _vacuumed(store: Store) -> list[str]:
    """Clear PostgreSQL's tables of dead rows, and name what keeps them outside."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in (tables.learner, tables.event, tables.override, tables.question):
            connection.exec_driver_sql(f"VACUUM (FULL) {table.name}")
        shown = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in WAL}
        kept = ", ".join(f"{name} = {value}" for name, value in shown.items())
    return [
        "no table holds the learner's rows any more (VACUUM FULL)",
        f"the server's write-ahead log keeps them until it is recycled ({kept})",
        "archives of that log, and replicas of the server, are yours to clean",
        "backups of a server (pg_dump, base backups) are not known here: look through your own",
    ]


def backup(store: Store, to: Path) -> Path:
    """Copy a SQLite store while it is in use; see `Recommender.backup`."""
    if store.sqlite is None:
        raise reject(
            "store", store.place, "a SQLite file to be copied here (pg_dump copies a PostgreSQL database)"
        )
    if to.exists():
        raise reject("to", to, "a new file")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise InputError(f"to = {to}: cannot be written ({error.strerror or error})", "to") from error
    source, target = sqlite3.connect(store.sqlite), sqlite3.connect(to)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    with store.write() as connection:
        note(connection, "backup", str(to.resolve()))
    return to


def note(connection: Connection, kind: str, path: str) -> None:
    """Note a file that holds learners' rows, outside the store."""
    numbers = tables.learner.c.number
    learners, newest = connection.execute(select(func.count(), func.max(numbers))).one()
    row = {"kind": kind, "path": path, "time": now(), "learners": learners, "newest": newest or 0}
    connection.execute(insert(tables.copy).values(row))
