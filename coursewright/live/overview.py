"""Pictures of learners, one by one and side by side, for a teacher."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import Connection, func, select

from coursewright.live import tables
from coursewright.live.keys import Keys
from coursewright.live.mind import Bools, Floats, Mind
from coursewright.live.seats import Seat, refresh, replayed, rows_as_seats
from coursewright.live.words import Overview, Recent, Skill, State

NONE: tuple[int, float | None] = (0, None)  # responses, and the moment of the last


def skills_of(mind: Mind, state: Floats, goal: Bools) -> list[list[Skill]]:
    """The tutor's picture of each skill of each learner; `state [batch, columns]`, `goal [batch, skills]`."""
    mastery, doubt = mind.beliefs(state)
    answers, right = mind.counts(state)
    return [
        [
            Skill(
                name,
                round(float(mastery[row, k]), 6),
                round(float(doubt[row, k]), 6),
                int(answers[row, k]),
                int(right[row, k]),
                bool(goal[row, k]),
            )
            for k, name in enumerate(mind.skills)
        ]
        for row in range(len(state))
    ]


def look_at(connection: Connection, mind: Mind, seat: Seat) -> State:
    """One learner, with the whole way; see `words.State`."""
    times, states = [], []
    for row, state in replayed(connection, mind, seat):
        if row["item"] is not None:
            times.append(float(row["time"]))
            states.append(state)
    mastery, doubt = mind.beliefs(np.stack(states)) if states else (np.zeros((0, 0)), np.zeros((0, 0)))
    return State(
        responses=len(times),
        since=min(times, default=None),
        last=max(times, default=None),
        skills=skills_of(mind, seat.state[None], seat.goal[None])[0],
        times=times,
        mastery=np.round(mastery.astype(float), 6).tolist(),
        doubt=np.round(doubt.astype(float), 6).tolist(),
    )


def overviews(
    connection: Connection, mind: Mind, keys: Keys, group: bytes | None, recent: int
) -> list[Overview]:
    """Learners side by side, in the order of their ids; see `words.Overview`."""
    table = tables.learner
    query = select(table).order_by(table.c.number)
    if group is not None:
        query = query.where(table.c.group == group)
    rows = connection.execute(query).mappings().all()
    names = {row["number"]: row["name"] for row in rows}
    seats = rows_as_seats(rows, mind)
    if not seats:
        return []
    refresh(connection, mind, seats)
    latest = _latest(connection, None if group is None else [seat.number for seat in seats], recent)
    skills = skills_of(mind, np.stack([s.state for s in seats]), np.stack([s.goal for s in seats]))
    found = [
        Overview(
            keys.unseal(seat.sealed),
            None if seat.group is None else keys.unseal(seat.group),
            latest[1].get(seat.number, NONE)[0],
            latest[1].get(seat.number, NONE)[1],
            skills[at],
            latest[0][seat.number],
            seat.pending,
            None if names[seat.number] is None else keys.unseal(bytes(names[seat.number])),
        )
        for at, seat in enumerate(seats)
    ]
    return sorted(found, key=lambda one: one.learner)


def _latest(
    connection: Connection, numbers: Sequence[int] | None, recent: int
) -> tuple[Mapping[int, list[Recent]], Mapping[int, tuple[int, float | None]]]:
    """The latest responses of each learner by number, in order; the number of all, and the last moment."""
    event = tables.event
    back = func.row_number().over(partition_by=event.c.learner, order_by=event.c.turn.desc()).label("back")
    total = func.count().over(partition_by=event.c.learner).label("total")
    last = func.max(event.c.time).over(partition_by=event.c.learner).label("last")
    columns = (event.c.learner, event.c.turn, event.c.item, event.c.correct, event.c.time, event.c.forced)
    inner = select(*columns, back, total, last).where(event.c.item.is_not(None))
    if numbers is not None:
        inner = inner.where(event.c.learner.in_(numbers))
    windows = inner.subquery()
    query = (
        select(windows).where(windows.c.back <= max(recent, 1)).order_by(windows.c.learner, windows.c.turn)
    )
    latest: dict[int, list[Recent]] = defaultdict(list)
    totals: dict[int, tuple[int, float | None]] = {}
    for row in connection.execute(query):
        totals[row.learner] = row.total, row.last
        if row.back <= recent:
            correct = None if row.correct < 0 else int(row.correct)
            latest[row.learner].append(Recent(row.item, correct, row.time, bool(row.forced)))
    return latest, totals
