"""Learners who have not begun: a look at one makes no learner, and a first response does.

Until then the choice is a function of the pseudonym and the question.  The question alone is kept, for a week
and under the pseudonym, since the first response's row has to tell the items that could be chosen and the
propensity; where nobody asked, the host chose.
"""

import json
from collections.abc import Iterable
from functools import partial

import numpy as np
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from coursewright.live import tables
from coursewright.live.keys import Keys
from coursewright.live.mind import Bools, Mind
from coursewright.live.seats import Seat, rows_as_seats
from coursewright.live.store import Store
from coursewright.live.words import now

WEEK = 7.0  # days
question = tables.question


def stranger(store: Store, mind: Mind, keys: Keys, learner: str, asked: str) -> Seat:
    """The seat of a learner who has no row, of whom this was asked."""
    pseudonym, sealed = keys.learner(learner), keys.seal(learner)
    _keep(store, mind, pseudonym, asked)
    row = dict.fromkeys(tables.learner.c.keys())
    return rows_as_seats([row | {"number": 0, "pseudonym": pseudonym, "sealed": sealed, "turn": 0}], mind)[0]


def mask_of(mind: Mind, asked: str) -> Bools:
    """The items `[items]` that a question allows."""
    wanted, barred = json.loads(asked) if asked else (None, ())
    return mind.mask(wanted, barred)


def _keep(store: Store, mind: Mind, pseudonym: bytes, asked: str) -> None:
    """Keep the latest question of a learner who has not begun, and no question of more than a week ago."""
    with store.read() as connection:
        if _questions(connection, mind, [pseudonym]).get(pseudonym) == asked:
            return
    row = {"pseudonym": pseudonym, "tutor": mind.fingerprint, "asked": asked, "time": now()}
    with store.write() as connection:
        old = question.c.time < now() - WEEK
        connection.execute(delete(question).where((question.c.pseudonym == pseudonym) | old))
        kind = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(kind.insert(question).on_conflict_do_nothing(), row)


def begin(connection: Connection, mind: Mind, keys: Keys, found: Iterable[Seat]) -> None:
    """Let those who have not answered yet have the choice that whoever asked was told."""
    new = {seat.pseudonym: seat for seat in found if seat.turn == 0 and seat.pending is None}
    asked = _questions(connection, mind, list(new)) if new else {}
    if not asked:
        return
    those = [new[code] for code in asked]
    masks = np.stack([mask_of(mind, one) for one in asked.values()])
    out = mind.look(np.stack([seat.state for seat in those]), np.stack([seat.goal for seat in those]), masks)
    for at, (seat, one) in enumerate(zip(those, asked.values(), strict=True)):
        seat.choose(mind.decision(out, at, partial(keys.draw, seat.pseudonym, seat.turn)), one)
    connection.execute(delete(question).where(question.c.pseudonym.in_(list(asked))))


def _questions(connection: Connection, mind: Mind, pseudonyms: list[bytes]) -> dict[bytes, str]:
    """The questions that are kept of these learners, where this tutor file was asked."""
    query = select(question).where(question.c.pseudonym.in_(pseudonyms))
    rows = connection.execute(query.where(question.c.tutor == mind.fingerprint))
    return {bytes(row.pseudonym): row.asked for row in rows}
