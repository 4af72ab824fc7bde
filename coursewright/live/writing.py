"""Responses go in: each is told to the tutor and written once, many in one transaction.

The id of a response is a name of it alone.  The same response under it gets the first answer; another one is
a conflict, and does not count.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from coursewright.errors import reject
from coursewright.live import tables
from coursewright.live.beginning import begin
from coursewright.live.keys import Keys
from coursewright.live.mind import Mind
from coursewright.live.seats import Seat, save, seats, told_of
from coursewright.live.store import Store
from coursewright.live.words import (
    Choice,
    ConflictError,
    Response,
    answer_of,
    choice_of,
    days_of,
    item_of,
    minutes_of,
    named,
)

Rows = list[Mapping[str, Any]]
AT_ONCE = 10_000  # codes that are looked for
SAME = 0.001  # minutes by which a duration may differ, as platforms round it
OTHER = "was sent before with another content; each response has an id of its own"
EVENT = tables.event.c
TOLD = (EVENT.item, EVENT.correct, EVENT.past, EVENT.taught, EVENT.minutes)
THERE = (
    select(EVENT.code, EVENT.answer, tables.learner.c.pseudonym, *TOLD)
    .join(tables.learner, tables.learner.c.number == EVENT.learner)
    .where(EVENT.code.in_(bindparam("codes", expanding=True)))
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


def checked(response: Response, keys: Keys, mind: Mind) -> Checked:
    """The response, where it may be written; raises `InputError` where it may not."""
    name = named("learner", response.learner)
    code = secrets.token_bytes(16)
    if response.id is not None:
        code = keys.code("response", named("id", response.id))
    for flag in ("past", "taught"):
        if not isinstance(value := getattr(response, flag), bool):
            raise reject(flag, repr(value)[:40], "true or false")
    return Checked(
        keys.learner(name),
        keys.seal(name),
        code,
        item_of(response.item, mind.place),
        answer_of(response.correct),
        days_of(response.time),
        minutes_of(response.minutes),
        response.past,
        response.taught,
    )


class _There(NamedTuple):
    """A response that counts, as it was told, and the text of the choice after it; None: not yet told."""

    told: tuple[Any, ...]
    minutes: float
    answer: str | None = None

    def is_of(self, told: tuple[Any, ...], minutes: float) -> bool:
        """True where this is the content of a response that has the same id.

        The moment is none of it: a platform that tells none is taken to mean now.
        """
        return self.told == told and abs(self.minutes - minutes) <= SAME


def write(store: Store, mind: Mind, keys: Keys, responses: Sequence[Checked]) -> list[Choice | ConflictError]:
    """Write those responses that are new, in their order: the choice after each of all, or its conflict."""
    try:
        return _write(store, mind, keys, responses)
    except IntegrityError:  # another process took one of these ids a moment ago, and now tells of it
        return _write(store, mind, keys, responses)


def _write(
    store: Store, mind: Mind, keys: Keys, responses: Sequence[Checked]
) -> list[Choice | ConflictError]:
    answers: dict[bytes, Choice] = {}
    with store.write() as connection:
        there = _there(connection, [one.code for one in responses])
        answers.update((code, choice_of(one.answer)) for code, one in there.items() if one.answer is not None)
        clashes = _clashes(mind, there, responses)
        fresh = _first(one for one in responses if one.code not in answers)
        found = seats(connection, mind, {one.pseudonym: one.sealed for one in fresh})
        begin(connection, mind, keys, found.values())
        rows: Rows = []
        while fresh:  # one response of each learner at a time
            once = list({one.pseudonym: one for one in reversed(fresh)}.values())
            rows += _round(mind, keys, once, found, answers)
            taken = {one.code for one in once}
            fresh = [one for one in fresh if one.code not in taken]
        if rows:
            connection.execute(INSERT, rows)
        save(connection, found.values())
    return [
        ConflictError(f"id: {OTHER}", "id") if at in clashes else answers[one.code]
        for at, one in enumerate(responses)
    ]


def _first(responses: Iterable[Checked]) -> list[Checked]:
    """Each code's first response, in order."""
    first: dict[bytes, Checked] = {}
    for one in responses:
        first.setdefault(one.code, one)
    return list(first.values())


def conflicts(store: Store, mind: Mind, responses: Sequence[Checked]) -> set[int]:
    """The places of those responses that `write` would refuse; nothing is written."""
    with store.read() as connection:
        return _clashes(mind, _there(connection, [one.code for one in responses]), responses)


def _there(connection: Connection, codes: Collection[bytes]) -> dict[bytes, _There]:
    """The responses of these codes that count already."""
    found, every = dict[bytes, _There](), iter(set(codes))
    while some := list(islice(every, AT_ONCE)):
        for code, answer, pseudonym, *told, minutes in connection.execute(THERE, {"codes": some}):
            found[bytes(code)] = _There((bytes(pseudonym), *told), minutes, answer)
    return found


def _clashes(mind: Mind, there: Mapping[bytes, _There], responses: Sequence[Checked]) -> set[int]:
    """The places of those responses whose id is that of another one, in the store or before them."""
    first, found = dict(there), set[int]()
    for at, one in enumerate(responses):
        item = None if one.item < 0 else mind.items[one.item]
        told = (one.pseudonym, item, one.correct, one.past, one.taught)
        if not first.setdefault(one.code, _There(told, one.minutes)).is_of(told, one.minutes):
            found.add(at)
    return found


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
