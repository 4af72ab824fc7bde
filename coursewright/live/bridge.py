"""The inside as platforms and a teacher's page need it: pseudonyms, void responses, the log, the states.

A response that was declared void is taken out, and what has its id later never comes in.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from coursewright.live import tables
from coursewright.live.erasing import note
from coursewright.live.keys import Keys
from coursewright.live.logs import Place, told
from coursewright.live.mind import Mind
from coursewright.live.seats import Seat, refresh, rows_as_seats
from coursewright.live.store import Store
from coursewright.live.words import Response, answer_of

CODES = 10_000  # that are looked for at a time
SAME = 0.001  # minutes by which a duration may differ


class Bridge:
    """A store with its key, and a tutor; see `Recommender.bridge`."""

    def __init__(self, store: Store, keys: Keys, mind: Mind) -> None:
        self._store, self._keys, self.mind = store, keys, mind

    def hide(self, person: str) -> str:
        """A pseudonym for a text that tells a person."""
        return self._keys.code("person", person).hex()

    def seats(self, learner: str | None = None) -> dict[str, Seat]:
        """Each learner's row, up to date, by the host's id; or that of one `learner`, where there is one."""
        query = select(tables.learner)
        if learner is not None:
            query = query.where(tables.learner.c.pseudonym == self._keys.learner(learner))
        with self._store.read() as connection:
            found = rows_as_seats(connection.execute(query).mappings(), self.mind)
            refresh(connection, self.mind, found)
        return {self._keys.unseal(seat.sealed): seat for seat in found}

    def void(self, ids: Collection[str]) -> int:
        """Take out the responses with these ids of the host, whoever's they are; the number that were there.

        The store knows an id only together with its learner, so each learner's code of it is tried.  The
        states of those concerned are made anew from what is left.
        """
        event, learner = tables.event, tables.learner
        gone = 0
        with self._store.write() as connection:
            kind = sqlite if connection.dialect.name == "sqlite" else postgresql
            marks = [{"code": self._keys.code("voided", id)} for id in sorted(set(ids))]
            connection.execute(kind.insert(tables.voided).on_conflict_do_nothing(), marks)
            everyone = connection.scalars(select(learner.c.sealed)).all()
            names = (self._keys.unseal(bytes(sealed)) for sealed in everyone)
            every = (self._keys.code("response", name, id) for name in names for id in set(ids))
            while codes := list(islice(every, CODES)):
                whose = set(connection.scalars(select(event.c.learner).where(event.c.code.in_(codes))))
                if not whose:
                    continue
                gone += connection.execute(delete(event).where(event.c.code.in_(codes))).rowcount
                for number in whose:  # without a tutor, a state is made anew by whoever reads it
                    last = select(func.max(event.c.time)).where(event.c.learner == number).scalar_subquery()
                    fresh = {"tutor": None, "state": None, "last": last}
                    connection.execute(update(learner).where(learner.c.number == number).values(fresh))
        return gone

    def voided(self, ids: Collection[str]) -> set[str]:
        """Those of the host's `ids` that were declared void."""
        codes = {self._keys.code("voided", id): id for id in ids}
        query = select(tables.voided.c.code).where(tables.voided.c.code.in_(list(codes)))
        with self._store.read() as connection:
            return {codes[bytes(code)] for code in connection.scalars(query)}

    def differing(self, responses: Collection[Response]) -> list[str]:
        """The ids of those whose learner has the same id with another item, answer or minutes already."""
        event = tables.event
        codes = {self._keys.code("response", one.learner, one.id or ""): one for one in responses}
        query = select(event.c.code, event.c.item, event.c.correct, event.c.minutes)
        found: list[str] = []
        with self._store.read() as connection:
            every = iter(codes)
            while some := list(islice(every, CODES)):
                for row in connection.execute(query.where(event.c.code.in_(some))):
                    one = codes[bytes(row.code)]
                    same = row.item == one.item and row.correct == answer_of(one.correct)
                    if not same or abs(row.minutes - one.minutes) > SAME:
                        found.append(one.id or "")
        return found

    def responses(
        self, after: Place | None = None, since: float | None = None, most: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """All responses as the log has them, or some of them: see `logs.told`.

        The store notes that they went out, for whoever has to be forgotten.
        """
        with self._store.write() as connection:
            note(connection, "log", "a download of events over HTTP")
        with self._store.read() as connection:
            yield from told(connection, after, since, most)
