"""The inside as platforms and a teacher's page need it: pseudonyms, void responses, the log, the states.

A response that was declared void is taken out, and what has its id later never comes in.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from itertools import islice, product
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from coursewright.live import tables
from coursewright.live.erasing import note
from coursewright.live.keys import Keys
from coursewright.live.logs import Place, told
from coursewright.live.mind import Draw, Mind
from coursewright.live.seats import Seat, refresh, rows_as_seats
from coursewright.live.store import Store
from coursewright.live.words import Response
from coursewright.live.writing import AT_ONCE, checked, conflicts


class Bridge:
    """A store with its key, and a tutor; see `Recommender.bridge`."""

    def __init__(self, store: Store, keys: Keys, mind: Mind) -> None:
        self._store, self._keys, self.mind = store, keys, mind

    def hide(self, person: str) -> str:
        """A pseudonym for a text that tells a person."""
        return self._keys.code("person", person).hex()

    def draw(self, seat: Seat) -> Draw:
        """The draws by which a learner's next choice explores."""
        return partial(self._keys.draw, seat.pseudonym, seat.turn)

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
        """Take out the responses with these ids of the host; the number that were there.

        The states of those concerned are made anew from what is left.
        """
        event, learner = tables.event, tables.learner
        gone = 0
        with self._store.write() as connection:
            kind = sqlite if connection.dialect.name == "sqlite" else postgresql
            marks = [{"code": self._keys.code("voided", id)} for id in sorted(set(ids))]
            connection.execute(kind.insert(tables.voided).on_conflict_do_nothing(), marks)
            every = iter([self._keys.code("response", id) for id in sorted(set(ids))])
            while codes := list(islice(every, AT_ONCE)):
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

    def conflicts(self, responses: Collection[Response]) -> list[str]:
        """The ids of those that are other responses' already, of the store's or of those before them."""
        each = list(responses)
        found = conflicts(self._store, self.mind, [checked(one, self._keys, self.mind) for one in each])
        return [each[at].id or "" for at in sorted(found)]

    def responses(
        self, after: Place | None = None, since: float | None = None, most: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """All responses as the log has them, or some of them: see `logs.told`.

        The store notes that they went out, for whoever has to be forgotten.
        """
        self._note()
        with self._store.read() as connection:
            yield from told(connection, after, since, most)

    def response(self, id: UUID) -> Mapping[str, Any] | None:
        """The response of which `id` is the host's id, or its `public_id`; None where there is none."""
        codes = [self._keys.code("response", str(id)), *codes_of(id)]
        self._note()
        with self._store.read() as connection:
            return next(told(connection, codes=codes), None)

    def _note(self) -> None:
        with self._store.write() as connection:
            note(connection, "log", "a download of events over HTTP")


def public_id(code: bytes) -> str:
    """The id by which a response goes out, the same each time: its code as a UUID of version 4."""
    return str(UUID(bytes=bytes(code), version=4))


def codes_of(id: UUID) -> list[bytes]:
    """The codes whose `public_id` is this one: six bits of a UUID tell its version instead of a code's."""
    found = []
    for high, low in product(range(16), range(4)):
        code = bytearray(id.bytes)
        code[6], code[8] = code[6] & 0x0F | high << 4, code[8] & 0x3F | low << 6
        found.append(bytes(code))
    return found
