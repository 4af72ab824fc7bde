"""A tutor for live learners: it is told responses, names the next item, and remembers both in a store."""

import json
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select, update

from coursewright.errors import InputError, reject, whole
from coursewright.live import tables
from coursewright.live.beginning import begin, mask_of, stranger
from coursewright.live.bridge import Bridge
from coursewright.live.erasing import backup, forget
from coursewright.live.mind import Bools, Decision, Mind
from coursewright.live.opening import opened
from coursewright.live.overview import look_at, overviews
from coursewright.live.reasons import Cohort, reasons
from coursewright.live.seats import PLAIN, Seat, bring_up, know_tutor, save, seats
from coursewright.live.words import (
    REASON,
    UNMET,
    Choice,
    Forgotten,
    Overview,
    Response,
    State,
    Why,
    check_goal,
    days_of,
    item_of,
    named,
    now,
)
from coursewright.live.writing import Checked, checked, write

HOUR = 1 / 24
MOST = 100  # choices at once
Answer = Choice | InputError


class Recommender:
    """A tutor file at work, with a store; threads and processes may share the store.

    Responses are the truth.  The tutor's state of a learner is a cache, and so is the choice that stands:
    with a new tutor file on an old store, both come from a replay of the responses.  Lessons have no end.
    Where the tutor's budget is spent, a new lesson begins by itself (`renew`), or when the host says so
    (`lesson`).

    Attributes
    ----------
    items, skills : names, in the tutor file's order.
    place : the store, for people.
    key_place : the key's place, for people.
    """

    def __init__(
        self,
        policy: str | Path,
        store: str | Path = "live.sqlite",
        key: str | Path | None = None,
        min_group: int = 10,
        explore: float = 0.0,
        renew: bool = True,
    ) -> None:
        """Open a tutor file and a store: the path of a SQLite file, or `postgresql://user@host/name`.

        `key` is the file of the secret key for pseudonyms (see `keys.key_of`).  Medians of fewer than
        `min_group` learners are not shown.  With a chance of `explore` an allowed item is drawn evenly, so
        that the log can tell what other policies would have done.

        Raises `InputError` for what cannot be opened.
        """
        if not 0.0 <= explore <= 1.0:
            raise reject("explore", explore, "a chance from 0 to 1")
        if min_group < 2:
            raise reject("min_group", min_group, "a whole number >= 2")
        self._mind = Mind(policy, explore, renew)
        self.items, self.skills, self.min_group = self._mind.items, self._mind.skills, min_group
        self._store, self._keys, self.key_place = opened(store, key)
        self.place = self._store.place
        know_tutor(self._store, self._mind)
        self._cohort = Cohort(self._store, self._mind, min_group)

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def enrol(
        self,
        learner: str,
        goal: Collection[str] | None = None,
        group: str | None = None,
        luck: int | None = None,
        name: str | None = None,
    ) -> None:
        """Name a learner's goal (skills; None: as it is, at first all) and group, such as a class.

        `name` is shown to teachers in place of the id.  `luck`, from 0 to 2^64 - 1 and before the first
        response, decides a tutor's random choices.
        """
        check_goal(goal, self.skills)
        label = None if group is None else self._keys.seal(named("group", group))
        shown = None if name is None else self._keys.seal(named("name", name))
        key = None if luck is None else whole("luck", luck, 0, 2**64 - 1)
        with self._store.write() as connection:
            seat = self._seat(connection, learner)
            if key is not None:
                if seat.turn:
                    raise reject("luck", key, "given before the learner's first response")
                seat.key, seat.state = key, self._mind.new([key])[0]
            seat.group = label if group is not None else seat.group
            seat.wanted = sorted(goal) if goal is not None else seat.wanted
            seat.goal = self._mind.goals(seat.wanted)
            if not seat.forced:
                seat.pending = None
            seat.changed = True
            save(connection, [seat])
            if shown is not None:
                row = tables.learner.c.number == seat.number
                connection.execute(update(tables.learner).where(row).values(name=shown))

    def observe(
        self,
        learner: str,
        item: str,
        correct: int | None,
        time: datetime | str | float | None = None,
        minutes: float = 0.0,
        id: str | None = None,
        past: bool = False,
        taught: bool = True,
    ) -> Choice:
        """Note a response, and name the choice after it; see `words.Response`.

        When it returns, the response is on the disk.  Raises `InputError` for what cannot be a response.
        """
        [answer] = self.observe_many([Response(learner, item, correct, time, minutes, id, past, taught)])
        if isinstance(answer, InputError):
            raise answer
        return answer

    def observe_many(self, responses: Sequence[Response]) -> list[Answer]:
        """Note several responses in one transaction, in their order: the choice after each, or its error."""
        answers: list[Answer | None] = [None] * len(responses)
        good: dict[int, Checked] = {}
        for at, response in enumerate(responses):
            try:
                good[at] = checked(response, self._keys, self._mind)
            except InputError as error:
                answers[at] = error
        if good:
            told = write(self._store, self._mind, self._keys, list(good.values()))
            for at, answer in zip(good, told, strict=True):
                answers[at] = answer
        return [answer for answer in answers if answer is not None]

    def next(
        self,
        learner: str,
        k: int = 1,
        only: Collection[str] | None = None,
        exclude: Collection[str] = (),
        time: datetime | str | float | None = None,
    ) -> list[Choice]:
        """The `k` best choices, the best first; of a learner whom nobody has met as well, who begins later.

        `only` and `exclude` name items that the host can, or cannot, show now.  The first choice stands until
        the next response, whoever asks again in the same way (for an hour, where the tutor minds the time).
        """
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
            raise reject("k", repr(k)[:40], f"a whole number from 1 to {MOST}")
        wanted = (
            None if only is None else sorted(item_of(name, self._mind.place, "only") for name in set(only))
        )
        barred = sorted(item_of(name, self._mind.place, "exclude") for name in set(exclude))
        moment = days_of(time)
        asked = PLAIN if wanted is None and not barred else json.dumps([wanted, barred])
        with self._store.read() as connection:
            seat = self._met(connection, learner)
        if seat is None:
            seat = stranger(self._store, self._mind, self._keys, learner, asked)
            self._decide(seat, asked, moment)
        elif not self._stands(seat, asked, moment):
            with self._store.write() as connection:
                seat = self._seat(connection, learner)
                if not self._stands(seat, asked, moment):
                    self._decide(seat, asked, moment)
                save(connection, [seat])
        assert seat.pending is not None
        first, mask = seat.pending, self._mind.mask(wanted, barred)
        if seat.forced is not None and not self._mind.shows(seat.forced, mask):
            first = self._decision(seat, mask, moment).choice  # the teacher's item stays for a plain question
        days = self._days(seat, seat.asked_at or moment)
        return self._mind.ranked(k, seat.state[None], seat.goal[None], mask[None], days, first)

    def why(self, learner: str) -> Why:
        """The reasons for the choice that stands; see `words.Why`."""
        [choice] = self.next(self._known(learner))
        with self._store.read() as connection:
            seat = self._met(connection, learner)
        assert seat is not None
        return reasons(self._mind, self._cohort, seat, choice, self._days(seat, seat.asked_at or now()))

    def state(self, learner: str) -> State:
        """The mastery of each skill with its doubt, now and after each response so far."""
        with self._store.read() as connection:
            seat = self._met(connection, self._known(learner))
            assert seat is not None
            return look_at(connection, self._mind, seat)

    def override(self, learner: str, item: str, by: str, reason: str) -> Choice:
        """Let a teacher's `item` be the next one instead, until a response comes; the reason is kept.

        A learner whom nobody has met begins here.
        """
        place = item_of(item, self._mind.place)
        named("by", by)
        named("reason", reason, REASON)
        moment = now()
        with self._store.write() as connection:
            seat = self._seat(connection, learner)
            begin(connection, self._mind, self._keys, [seat])
            if not self._stands(seat, PLAIN, moment):
                self._decide(seat, PLAIN, moment)
            before = seat.pending
            out = self._mind.look(seat.state[None], seat.goal[None], self._mind.mask(None, ())[None])
            chance = float(out["chance"][0, place]) if "chance" in out else None
            seat.pending = Choice(item, chance=chance, propensity=None, overruled=True)
            seat.forced, seat.changed = item, True
            row = {
                "learner": seat.number,
                "turn": seat.turn,
                "item": item,
                "instead": None if before is None else before.item,
                "by": self._keys.seal(by),
                "reason": self._keys.seal(reason),
                "time": now(),
            }
            connection.execute(insert(tables.override).values(row))
            save(connection, [seat])
        return seat.pending

    def lesson(self, learner: str, time: datetime | str | float | None = None) -> Choice:
        """Begin a new lesson: the tutor's budget is whole again, and all that it knows stays."""
        code, name = secrets.token_bytes(16), self._known(learner)
        pseudonym, sealed = self._keys.learner(name), self._keys.seal(name)
        begun = Checked(pseudonym, sealed, code, -1, -1, days_of(time), 0.0, False, False)
        [choice] = write(self._store, self._mind, self._keys, [begun])
        assert isinstance(choice, Choice)  # its code is of this moment alone
        return choice

    def forget(self, learner: str) -> Forgotten:
        """Erase a learner, so that neither id nor pseudonym is left in any file or table of the store."""
        name = named("learner", learner)
        found = forget(self._store, self._keys.learner(name), self._keys.seal(name))
        self._cohort.forget()
        return found

    def bridge(self) -> Bridge:
        """The inside as platforms and a teacher's page need it."""
        return Bridge(self._store, self._keys, self._mind)

    def learners(self, group: str | None = None) -> list[str]:
        """The ids of all learners, or of those of a group, in order."""
        query = select(tables.learner.c.sealed)
        if group is not None:
            query = query.where(tables.learner.c.group == self._keys.seal(named("group", group)))
        with self._store.read() as connection:
            sealed = connection.scalars(query).all()
        return sorted(self._keys.unseal(bytes(one)) for one in sealed)

    def overview(self, group: str | None = None, recent: int = 20) -> list[Overview]:
        """All learners, or those of a group, as a teacher's list needs them; `recent` responses of each."""
        label = None if group is None else self._keys.seal(named("group", group))
        bring_up(self._store, self._mind)
        with self._store.read() as connection:
            return overviews(connection, self._mind, self._keys, label, recent)

    def ping(self) -> None:
        """Return where the store answers; raises what it raises otherwise."""
        with self._store.read() as connection:
            connection.execute(select(tables.meta.c.name).limit(1))

    def groups(self) -> list[str]:
        """The groups that learners were enrolled in, in order."""
        with self._store.read() as connection:
            found = connection.scalars(select(tables.learner.c.group).distinct()).all()
        return sorted(self._keys.unseal(bytes(one)) for one in found if one is not None)

    def log(self, to: str | Path, noted: str | None = None) -> int:
        """Write all responses as a learner log (.parquet, .csv, .csv.gz): the number of rows.

        Learners are pseudonyms.  `allowed` and `propensity` tell the items that the tutor chose from, and the
        probability of its choice; they are null where a teacher or the host chose.  The store notes the file,
        or what was `noted` instead, for whoever has to be forgotten.
        """
        from coursewright.live.logs import write_store_log  # which needs pandas

        return write_store_log(self._store, Path(to), noted)

    def backup(self, to: str | Path) -> Path:
        """Copy a SQLite store, whole, while it is in use; the store notes the file."""
        return backup(self._store, Path(to))

    def _decide(self, seat: Seat, asked: str, moment: float) -> None:
        seat.choose(self._decision(seat, mask_of(self._mind, asked), moment), f"{asked}@{moment!r}")

    def _decision(self, seat: Seat, mask: Bools, moment: float) -> Decision:
        days = self._days(seat, moment)
        out = self._mind.look(seat.state[None], seat.goal[None], mask[None], days)
        return self._mind.decision(out, 0, lambda use: self._keys.draw(seat.pseudonym, seat.turn, use))

    def _stands(self, seat: Seat, asked: str, moment: float) -> bool:
        """True where the choice that stands answers this question too."""
        if seat.tutor != self._mind.fingerprint or seat.pending is None:
            return False
        if seat.forced is not None:
            return True
        at = seat.asked_at or seat.last
        fresh = not self._mind.dated or at is None or abs(moment - at) < HOUR
        return seat.asked.partition("@")[0] == asked and fresh

    def _days(self, seat: Seat, moment: float) -> Any:
        return np.array([0.0 if seat.last is None else max(0.0, moment - seat.last)], np.float32)

    def _seat(self, connection: Connection, learner: str) -> Seat:
        name = named("learner", learner)
        code = self._keys.learner(name)
        return seats(connection, self._mind, {code: self._keys.seal(name)})[code]

    def _met(self, connection: Connection, learner: str) -> Seat | None:
        name = named("learner", learner)
        code = self._keys.learner(name)
        found = seats(connection, self._mind, {code: self._keys.seal(name)}, make=False, lock=False)
        return found.get(code)

    def _known(self, learner: str) -> str:
        with self._store.read() as connection:
            code = self._keys.learner(named("learner", learner))
            table = tables.learner
            if connection.scalar(select(table.c.number).where(table.c.pseudonym == code)) is None:
                raise InputError(UNMET, "learner")
        return learner
