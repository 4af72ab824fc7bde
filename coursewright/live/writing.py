"""Responses go in: each is told to the tutor and written once, many in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import bindparam, insert, select

from coursewright.live import tables
from coursewright.live.keys import Keys
from coursewright.live.mind import Mind
from coursewright.live.seats import Seat, save, seats, told_of
from coursewright.live.store import Store
from coursewright.live.words import Choice, choice_of

Rows = list[Mapping[str, Any]]
THERE = select(tables.event.c.code, tables.event.c.answer).where(
    tables.event.c.code.in_(bindparam("codes", expanding=True))
)
INSERT = insert(tables.event)


class Checked(NamedTuple):
    """A response that may be written; item -1 begins a new lesson.  `code` is that of its id."""

    pseudonym: bytes
    sealed: bytes
    code: bytes
    item: int
    correct: int
    time: float
    minutes: float
    past: bool
    taught: bool


def write(store: Store, mind: Mind, keys: Keys, responses: Sequence[Checked]) -> dict[bytes, Choice]:
    """Write those responses that are new, in their order: the choice after each of all, by its code."""
    answers: dict[bytes, Choice] = {}
    with store.write() as connection:
        found = seats(connection, mind, {one.pseudonym: one.sealed for one in responses})
        there = connection.execute(THERE, {"codes": list({one.code for one in responses})})
        answers.update((bytes(code), choice_of(text)) for code, text in there)
        fresh = _first(one for one in responses if one.code not in answers)
        rows: Rows = []
        while fresh:  # one response of each learner at a time
            once = list({one.pseudonym: one for one in reversed(fresh)}.values())
            rows += _round(mind, keys, once, found, answers)
            taken = {one.code for one in once}
            fresh = [one for one in fresh if one.code not in taken]
        if rows:
            connection.execute(INSERT, rows)
        save(connection, found.values())
    return answers


def _first(responses: Iterable[Checked]) -> list[Checked]:
    """Each code's first response, in order."""
    first: dict[bytes, Checked] = {}
    for one in responses:
        first.setdefault(one.code, one)
    return list(first.values())


def _round(
    mind: Mind,
    keys: Keys,
    once: Sequence[Checked],
    found: Mapping[bytes, Seat],
    answers: dict[bytes, Choice],
) -> Rows:
    """Tell the tutor one response of each of these learners: the rows to be written."""
    those = [found[one.pseudonym] for one in once]
    told = told_of(
        [one.item for one in once],
        [one.correct for one in once],
        [one.past for one in once],
        [one.taught for one in once],
        [one.minutes for one in once],
        [0.0 if s.last is None else max(0.0, one.time - s.last) for s, one in zip(those, once, strict=True)],
    )
    states, out = mind.tell(np.stack([s.state for s in those]), np.stack([s.goal for s in those]), told)
    rows: Rows = []
    for at, (seat, one) in enumerate(zip(those, once, strict=True)):
        row = _row(mind, seat, one)
        seat.state, seat.turn, seat.changed = states[at], seat.turn + 1, True
        seat.last = one.time if seat.last is None else max(seat.last, one.time)
        if one.item >= 0 and not one.past:
            seat.forced = None
        if seat.forced is None or seat.pending is None:
            seat.choose(mind.decision(out, at, partial(keys.draw, seat.pseudonym, seat.turn)))
        answers[one.code] = choice = seat.pending or Choice(None)
        rows.append({**row, "answer": choice.text()})
    return rows


def _row(mind: Mind, seat: Seat, one: Checked) -> dict[str, Any]:
    """The row of a response, but for the choice after it; `seat` is as it was before."""
    item, pending = None if one.item < 0 else mind.items[one.item], seat.pending
    asked = item is not None and not one.past  # as the tutor, or a teacher, wished or not
    chosen = asked and seat.forced is None and pending is not None and item == pending.item
    return {
        "learner": seat.number,
        "turn": seat.turn,
        "code": one.code,
        "item": item,
        "correct": one.correct,
        "time": one.time,
        "minutes": one.minutes,
        "past": one.past,
        "taught": one.taught,
        "tutor": mind.fingerprint,
        "offered": seat.offered if asked else None,
        "propensity": pending.propensity if chosen and pending is not None else None,
        "forced": asked and seat.forced is not None and item == seat.forced,
    }
