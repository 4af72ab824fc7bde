"""A tutor's knowledge of a batch of learners: history, locks and clock, for learners of any kind.

Simulated learners, the rows of a log and people in front of a screen use the same interface: a record
of a response is an item, the answer, the minutes that it took, and the days that passed.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from coursewright.envs.copies import WIDE, Copies
from coursewright.envs.features import LOG_PRICE, Event, Feature
from coursewright.envs.functions import bare
from coursewright.envs.history import Past, Rules, note_days, open_rows, record
from coursewright.envs.mind import Keys, show
from coursewright.envs.price import log_prices
from coursewright.envs.terms import ENDLESS, Terms, logs
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.lists import cells_of

MANY = 32  # rows
NO_COPY: Observation = np.zeros((0, 0), np.float32)


class Kept(NamedTuple):
    """All that changes in `Records`, each `[batch, ...]`; attributes that it leaves out are not restored."""

    memory: Observation
    goal: Bools
    goal_size: Ints
    last: Ints
    spent: Floats
    step: Ints
    over: Bools
    mask: Bools
    missing: Ints
    thoughts: Any


class Records:
    """The records of a batch of learners, each row a learner of their own, kept on the same `terms`.

    Arrays are changed in place; a caller copies those it keeps.  Only `observation` is made anew each time,
    and belongs to the caller.  Where it need not be `lasting`, a wide one is written over by the call
    after the next, and a step costs only its touched columns.  See `share` for those who only look.

    Attributes
    ----------
    memory : float32 `[batch, columns]`, the visible history, laid out by `terms.layout`.
    observation : a copy of `memory` as the last call left it.
    mask : bool `[batch, actions]`, the allowed actions (all True where nothing restricts).
    over : bool `[batch]`, which rows have ended; they ignore further responses until opened again.
    some_over : True where any row is over.
    goal : bool `[batch, skills]`; `goal_size [batch]` the number of those skills.
    last : `[batch]`, the last accepted item, -1 before the first.
    step, spent : `[batch]`, responses so far, and the budget that they took.
    thoughts : the state of the tutor's mind; () without one.
    brought : the visible past of those who were opened last.
    heard : the last response of each row, until the next: item, correct, minutes, days, taught.
    """

    brought: Past
    heard: tuple[Ints, Ints, Floats, Floats, Bools]

    def __init__(self, terms: Terms, batch: int, longest_past: int = 0, lasting: bool = True) -> None:
        if batch < 1:
            raise reject("batch", batch, "a whole number >= 1")
        course = terms.course
        self.terms = terms
        self.batch = batch
        self.locks = terms.locks(batch)
        self.memory: Observation = np.zeros((batch, terms.layout.width), np.float32)
        self.observation: Observation = self.memory.copy()
        self.over: Bools = np.ones(batch, bool)
        self.some_over = True
        self.goal: Bools = np.ones((batch, course.n_skills), bool)
        self.goal_size: Ints = self.goal.sum(axis=1)
        self.last: Ints = np.full(batch, -1, np.int64)
        self.spent: Floats = np.zeros(batch)
        self.step: Ints = np.zeros(batch, np.int64)
        self._take(terms.rules(longest_past))
        self._own = tuple(
            replace(own, update=bare(own.update)) for own in terms.layout.records if own.update is not None
        )
        self._endless = terms.horizon == ENDLESS
        self._locked = terms.unlock_after > 0
        self._mind = terms.mind if terms.shown else None
        self.thoughts: Any = () if self._mind is None else self._mind.empty(batch)
        self._more = bool(terms.keeps_days or self._own or terms.shown)
        # Rows are best copied while they are in the cache; a few are sooner copied at once, and where more is
        # written after `record` its copies would come too early.
        self._copied_by_row = batch >= MANY and not self._more
        self._copies, self._shared = None, False
        if not (lasting or self._more) and terms.layout.width >= WIDE:
            self._copied_by_row = False
            self._copies = Copies(self.memory, terms.layout.shared)

    def share(self) -> None:
        """Let `observation` be the memory itself from now on, for who looks at it and keeps nothing of it."""
        self._copied_by_row, self._copies, self._shared = False, None, True
        self.observation = self.memory

    @property
    def mask(self) -> Bools:
        """The allowed actions, bool `[batch, actions]`."""
        return self.locks.mask

    def open(
        self,
        rows: Ints,
        goal: Bools | None = None,
        past: Past | None = None,
        key: Keys | None = None,
        price: Floats | None = None,
    ) -> None:
        """Begin the records of new learners in `rows`.

        Parameters
        ----------
        goal : `[rows, skills]`, the skills that each is to learn; None: all.
        past : their visible past, `[rows, width]`; it counts for beliefs and as a warm-up, and costs nothing.
        key : `[rows]`, for draws of the tutor's mind; None: the same in all rows.
        price : `[rows]`, of a minute, where the terms have a range of prices; None: that of the terms.

        Raises `InputError` where the past names no item of the course, and for a missing price.
        """
        self.brought = past = self._checked(past, len(rows))
        self.goal[rows] = True if goal is None else goal
        self.goal_size[rows] = self.goal[rows].sum(axis=1)
        self.spent[rows] = 0.0
        self.step[rows] = 0
        self.over[rows] = False
        self.some_over = bool(self.over.any())
        open_rows(self._bare, self.memory, self.last, rows, self.goal, tuple(past))
        if self.terms.price is not None:
            self._show_price(rows, price)
        if self._own:
            self._open_own(rows, past)
        if self._mind is not None:
            keys = np.zeros(len(rows), np.uint64) if key is None else key
            self._mind.open(self.thoughts, rows, past, keys)
            self._think(rows)
        self.locks.open(rows)
        self.observation = self._copy(rows)

    def add(
        self,
        item: Ints,
        correct: Ints,
        minutes: Floats | None = None,
        days: Floats | None = None,
        taught: Bools | None = None,
    ) -> None:
        """Note one response per row, `[batch]` each; nothing is noted of rows that are over.

        Parameters
        ----------
        item : the item given; -1: none.
        correct : 1, 0, or -1 where nothing was asked or the answer was helped: no evidence then.
        minutes : the time it took; None: as long as the course says.
        days : the days that passed afterwards; None: none.  See `wait` for a pause that is known later.
        taught : True where the item was accepted, so that it taught something; None: everywhere.

        Raises `InputError` for values out of range.
        """
        course = self.terms.course
        self._check("item", item, -1, course.n_items - 1)
        self._check("correct", correct, -1, 1)
        item = np.where(self.over, -1, np.asarray(item, np.int64))
        correct = np.ascontiguousarray(correct, np.int64)
        took = course.minutes[np.maximum(item, 0)] if minutes is None else minutes
        pause = np.zeros(self.batch) if days is None else days
        self._check("minutes", took)
        self._check("days", pause)
        accepted = np.ones(self.batch, bool) if taught is None else np.asarray(taught, bool)
        ended = np.zeros(self.batch, bool)
        self.write(
            item, correct, np.asarray(took, np.float64), np.asarray(pause, np.float64), accepted, ended
        )

    def write(
        self, item: Ints, correct: Ints, minutes: Floats, days: Floats, taught: Bools, ended: Bools
    ) -> None:
        """Note responses that are known to be in range, -1 for rows that are over: `add` without its checks.

        `ended [batch]` says whose episode this response was the last of.
        """
        if self._endless:
            self._lengthen()
        self.heard = (item, correct, minutes, days, taught)
        seen = np.empty(self.memory.shape, np.float32) if self._copied_by_row else NO_COPY
        before = self.last if self._copies is None else self.last.copy()
        self.some_over = record(
            self._bare,
            self.memory,
            self.last,
            self.spent,
            self.step,
            item,
            taught,
            correct,
            minutes,
            ended,
            self.over,
            seen,
        )
        if self._more:
            self._write_more(Event(item, correct, minutes, days, taught, taught, False))
        if self._copies is not None:
            self.observation = self._copies.step(self._bare, item, before)
        elif not self._shared:
            self.observation = seen if self._copied_by_row else self.memory.copy()
        if self._locked:
            self.locks.note(self.memory, item, correct)

    def wait(self, days: Floats) -> None:
        """Let `days [batch]` pass without a response, such as those until a learner comes back.

        Raises `InputError` for a number of days that is negative or not finite.
        """
        self._check("days", days)
        nothing, none = np.full(self.batch, -1, np.int64), np.zeros(self.batch)
        nobody = np.zeros(self.batch, bool)
        self._write_more(Event(nothing, nothing, none, np.asarray(days, np.float64), nobody, nobody, False))
        self.observation = self._copy(slice(None))

    def offer(self, items: Bools) -> None:
        """Allow only unlocked items among these `items [batch, items]` of the learner's platform."""
        self.locks.offer(items)

    @property
    def kept(self) -> Kept:
        """All that changes, by reference: copy it with `clone` to come back to it."""
        return Kept(
            self.memory,
            self.goal,
            self.goal_size,
            self.last,
            self.spent,
            self.step,
            self.over,
            self.mask,
            self.locks.missing,
            self.thoughts,
        )

    def refresh(self) -> None:
        """Follow the values that were put into `kept`."""
        self.some_over = bool(self.over.any())
        self.observation = self._copy(slice(None))

    def _copy(self, rows: Ints | slice) -> Observation:
        """A copy of the memory after a change in `rows` that was no response."""
        if self._copies is None:
            return self.memory if self._shared else self.memory.copy()
        self._copies.forget(rows)
        return self._copies.still(self._bare)

    def _take(self, rules: Rules) -> None:
        self._rules = rules
        self._bare = tuple(rules)

    def _lengthen(self) -> None:
        """Double the table of logarithms when somebody's next count may lie beyond it."""
        table = self._rules.logs
        if self.step.max() + 1 >= len(table):
            self._take(self._rules._replace(logs=logs(2 * len(table))))

    def _write_more(self, event: Event) -> None:
        if self.terms.keeps_days:
            note_days(self._rules, self.memory, event.item, event.days)
        for feature in self._own:
            self._update(feature, event)
        if self._mind is not None:
            self._mind.update(self.thoughts, event)
            self._think(np.flatnonzero(~self.over | (event.item >= 0)))

    def _show_price(self, rows: Ints, price: Floats | None) -> None:
        """Write ln of the price of a minute into its column."""
        logged = log_prices(self.terms.price, price)
        self.memory[rows, self.terms.layout.columns(LOG_PRICE.name)] = np.reshape(logged, (-1, 1))

    def _think(self, rows: Ints) -> None:
        """Show what the tutor's mind believes of these learners now."""
        for feature in self.terms.shown:
            columns = self.terms.layout.columns(feature)
            thought = np.empty((len(rows), len(range(*columns.indices(self.terms.layout.width)))))
            assert self._mind is not None
            show(self._mind, self.thoughts, feature, rows, self.goal[rows], thought)
            self.memory[rows, columns] = thought

    def _update(self, feature: Feature, event: Event) -> None:
        assert feature.update is not None
        values = self.memory[:, self.terms.layout.columns(feature.name)]
        given = (event.item >= 0)[:, None]
        touched = given
        if feature.axis == "skill":
            touched = cells_of(self.terms.course.needs, event.item, self.terms.course.n_skills)
        elif feature.axis == "item":
            touched = event.item[:, None] == np.arange(self.terms.course.n_items)
        returned = feature.update(values, event._replace(touched=touched))
        if returned is not None and returned is not values:
            told = f"a function that returned a {type(returned).__name__}"
            raise reject(f"task.features.{feature.name}.update", told, "one that changes `values` in place")
        if not np.isfinite(values).all():
            wrong = values[~np.isfinite(values)][0]
            told = f"a function that left {wrong} in `values`"
            raise reject(f"task.features.{feature.name}.update", told, "one that leaves finite numbers there")

    def _open_own(self, rows: Ints, past: Past) -> None:
        for feature in self._own:
            self.memory[rows, self.terms.layout.columns(feature.name)] = feature.start
        item, correct = np.full((2, self.batch), -1, np.int64)
        taught = np.zeros(self.batch, bool)
        for t in range(past.item.shape[1]):
            there = t < past.length
            item[rows] = np.where(there, past.item[:, t], -1)
            correct[rows] = np.where(there, past.correct[:, t], -1)
            taught[rows] = there & past.taught[:, t]
            minutes = np.where(item >= 0, self.terms.course.minutes[item], 0.0)
            event = Event(item, correct, minutes, np.zeros(self.batch), taught, taught, True)
            for feature in self._own:
                self._update(feature, event)

    def _checked(self, past: Past | None, rows: int) -> Past:
        """The past, which kernels would crash on if it were out of range."""
        if past is None:
            nothing = np.zeros((rows, 0), np.int64)
            return Past(nothing, nothing, np.zeros(rows, np.int64), nothing > 0)
        item, length, n_items = past.item, past.length, self.terms.course.n_items
        if len(length) and not 0 <= length.min() <= length.max() <= item.shape[1]:
            raise reject("past.length", int(length.max()), f"in [0, {item.shape[1]}], the width of its items")
        counted = np.arange(item.shape[1]) < length[:, None]
        if (counted & ((item < 0) | (item >= n_items))).any():
            raise reject("past.item", int(item.max()), f"in [0, {n_items})")
        return past

    def _check(self, field: str, given: Ints | Floats, lowest: float = 0.0, highest: float = np.inf) -> None:
        values = np.asarray(given, np.float64)
        if values.shape != (self.batch,):
            raise reject(f"records.{field}", f"an array of shape {values.shape}", f"of shape ({self.batch},)")
        wrong = np.flatnonzero(~((values >= lowest) & (values <= highest) & np.isfinite(values)))
        if len(wrong):
            allowed = "a finite number >= 0" if highest == np.inf else f"in [{lowest:g}, {highest:g}]"
            raise reject(f"records.{field}[{wrong[0]}]", given[wrong[0]], allowed)
