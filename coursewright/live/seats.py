"""Learners' rows while a transaction works on them: read, brought up to date with the tutor, written."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from coursewright.live import tables
from coursewright.live.mind import Bools, Decision, Floats, Mind, Told, packed
from coursewright.live.store import Store
from coursewright.live.words import Choice, choice_of

AT_ONCE = 500  # learners that are replayed in one transaction
PLAIN = ""  # asked of the tutor: nothing in particular
KEPT = ("group", "goal", "last", "turn", "tutor", "state", "pending", "offered", "asked", "forced", "key")
UPDATE = (
    update(tables.learner)
    .where(tables.learner.c.number == bindparam("which"))
    .values({name: bindparam(f"new_{name}") for name in KEPT})
)

# Statements that are made once: to make one takes longer than to run it.
THESE = (
    select(tables.learner)
    .where(tables.learner.c.pseudonym.in_(bindparam("these", expanding=True)))
    .order_by(tables.learner.c.number)
)
LOCKED = THESE.with_for_update()


@dataclass
class Seat:
    """One learner's row; `state [columns]` and `goal [skills]` as the tutor takes them."""

    number: int
    pseudonym: bytes
    sealed: bytes
    group: bytes | None
    wanted: list[str] | None
    last: float | None
    turn: int
    tutor: str | None
    state: Floats
    goal: Bools
    pending: Choice | None
    offered: bytes | None
    asked: str
    forced: str | None
    key: int
    changed: bool = field(default=False, compare=False)

    @property
    def asked_at(self) -> float | None:
        """The moment of the question that the standing choice answers; None: it came with a response."""
        moment = self.asked.partition("@")[2]
        return float(moment) if moment else None

    def choose(self, decision: Decision, asked: str = PLAIN) -> None:
        """Let this decision stand, unless a teacher overruled."""
        self.offered, self.asked, self.changed = packed(decision.offered), asked, True
        self.pending = decision.choice


def seats(
    connection: Connection, mind: Mind, wanted: Mapping[bytes, bytes], make: bool = True, lock: bool = True
) -> dict[bytes, Seat]:
    """The learners of these pseudonyms (-> sealed ids), up to date with `mind`; new rows where `make`.

    `lock` keeps other transactions from them until this one ends.
    """
    alone = connection.dialect.name == "sqlite"  # where one transaction writes at a time
    query, these = LOCKED if lock and not alone else THESE, {"these": sorted(wanted)}
    if make and not alone:
        _make(connection, wanted)
    rows = connection.execute(query, these).mappings().all()
    if make and len(rows) < len(wanted):
        _make(connection, wanted)
        rows = connection.execute(query, these).mappings().all()
    found = {seat.pseudonym: seat for seat in (_seat(row, mind) for row in rows)}
    refresh(connection, mind, found.values())
    return found


def _make(connection: Connection, wanted: Mapping[bytes, bytes]) -> None:
    """Rows for those who have none; in a fixed order, so that two transactions never wait for each other."""
    table = tables.learner
    there = set(connection.scalars(select(table.c.pseudonym).where(table.c.pseudonym.in_(sorted(wanted)))))
    new = [
        {"pseudonym": code, "sealed": wanted[code], "turn": 0} for code in sorted(wanted) if code not in there
    ]
    if new:
        kind = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(kind.insert(table).on_conflict_do_nothing(), new)


def _seat(row: Mapping[Any, Any], mind: Mind) -> Seat:
    wanted = None if row["goal"] is None else json.loads(row["goal"])
    ours = row["tutor"] == mind.fingerprint and row["state"] is not None
    pseudonym = bytes(row["pseudonym"])
    forced = row["forced"] if row["forced"] in mind.place else None  # another tutor may lack a teacher's item
    pending = choice_of(row["pending"]) if row["pending"] and (ours or forced) else None
    if pending is not None and not ours:
        pending = replace(pending, chance=None)  # the other tutor's
    key = int.from_bytes(row["key"] or pseudonym[:8], "little")
    state = np.frombuffer(row["state"], np.float32) if ours else mind.new([key])[0]
    return Seat(
        row["number"],
        pseudonym,
        bytes(row["sealed"]),
        row["group"],
        wanted,
        row["last"],
        row["turn"],
        row["tutor"] if ours else None,
        state,
        mind.goals(wanted),
        pending,
        row["offered"] if ours else None,
        row["asked"] or PLAIN,
        forced,
        key,
    )


def refresh(connection: Connection, mind: Mind, found: Iterable[Seat]) -> None:
    """Replay those learners whose state another tutor file wrote, or none; all of them side by side."""
    stale = {seat.number: seat for seat in found if seat.tutor is None}
    if not stale:
        return
    table = tables.event
    query = select(table).where(table.c.learner.in_(list(stale))).order_by(table.c.turn)
    last: dict[int, float] = {}
    for _, rows in groupby(connection.execute(query).mappings(), key=lambda row: row["turn"]):
        known = [row for row in rows if row["item"] is None or row["item"] in mind.place]
        if not known:
            continue
        those = [stale[row["learner"]] for row in known]
        told = told_of_rows(known, mind, last)
        states, _ = mind.tell(np.stack([s.state for s in those]), np.stack([s.goal for s in those]), told)
        for seat, state in zip(those, states, strict=True):
            seat.state = state
    for seat in stale.values():
        seat.tutor, seat.changed = mind.fingerprint, True


def bring_up(store: Store, mind: Mind) -> None:
    """Replay, and write back, all learners whose state another tutor file wrote; some at a time."""
    table = tables.learner
    old = select(table.c.pseudonym, table.c.sealed).where(
        or_(table.c.tutor.is_(None), table.c.tutor != mind.fingerprint)
    )
    while True:
        with store.read() as connection:
            some = {bytes(row.pseudonym): bytes(row.sealed) for row in connection.execute(old.limit(AT_ONCE))}
        if not some:
            return
        with store.write() as connection:
            save(connection, seats(connection, mind, some, make=False).values())


def replayed(connection: Connection, mind: Mind, seat: Seat) -> Iterable[tuple[Mapping[Any, Any], Floats]]:
    """Each event of a learner, in order, and the state `[columns]` after it.

    Items that this tutor's course does not have are passed over.
    """
    table = tables.event
    query = select(table).where(table.c.learner == seat.number).order_by(table.c.turn)
    state, last = mind.new([seat.key]), dict[int, float]()
    for row in connection.execute(query).mappings():
        if row["item"] is None or row["item"] in mind.place:
            state, _ = mind.tell(state, seat.goal[None], told_of_rows([row], mind, last))
            yield row, state[0]


def told_of_rows(rows: Sequence[Mapping[Any, Any]], mind: Mind, last: dict[int, float]) -> Told:
    """One event of each of several learners as the tutor takes them; `last` has each one's latest moment."""
    days = []
    for row in rows:
        number, moment = row["learner"], row["time"]
        days.append(max(0.0, moment - last.get(number, moment)))
        last[number] = max(moment, last.get(number, moment))
    places = [-1 if row["item"] is None else mind.place[row["item"]] for row in rows]
    flags = [[row[name] for row in rows] for name in ("correct", "past", "taught", "minutes")]
    return told_of(places, flags[0], flags[1], flags[2], flags[3], days)


def rows_as_seats(rows: Iterable[Mapping[Any, Any]], mind: Mind) -> list[Seat]:
    """Rows of the table of learners as seats, which may have to be brought up to date: see `refresh`."""
    return [_seat(row, mind) for row in rows]


def told_of(
    item: Sequence[int],
    correct: Sequence[int],
    past: Sequence[bool],
    taught: Sequence[bool],
    minutes: Sequence[float],
    days: Sequence[float],
) -> Told:
    """Events as the tutor takes them."""
    return Told(
        np.array(item, np.int64),
        np.array(correct, np.int64),
        np.array(past, bool),
        np.array(taught, bool),
        np.array(minutes, np.float32),
        np.array(days, np.float32),
    )


def save(connection: Connection, found: Iterable[Seat]) -> None:
    """Write back the learners that have changed."""
    rows = [
        {
            "which": seat.number,
            "new_group": seat.group,
            "new_goal": None if seat.wanted is None else json.dumps(seat.wanted),
            "new_last": seat.last,
            "new_turn": seat.turn,
            "new_tutor": seat.tutor,
            "new_state": np.asarray(seat.state, np.float32).tobytes(),
            "new_pending": None if seat.pending is None else seat.pending.text(),
            "new_offered": seat.offered,
            "new_asked": seat.asked,
            "new_forced": seat.forced,
            "new_key": seat.key.to_bytes(8, "little"),
        }
        for seat in found
        if seat.changed
    ]
    if rows:
        connection.execute(UPDATE, rows)


def know_tutor(store: Store, mind: Mind) -> None:
    """Note the course of a tutor file, by which its rows are read later."""
    table, course = tables.tutor, [[item, mind.skills_of[item]] for item in mind.items]
    row = {"fingerprint": mind.fingerprint, "course": json.dumps(course)}
    with store.write() as connection:
        kind = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(kind.insert(table).on_conflict_do_nothing(), row)
