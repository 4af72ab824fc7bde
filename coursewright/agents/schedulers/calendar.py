"""Schedulers of spaced repetition that believe nothing: Leitner boxes and SM-2.

They read the last answer and its date, and keep their own record of each learner.  The goal plays no part.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.agents.choosing import Turns, allowed_items, days_passed, first_turns, unnamed
from coursewright.agents.rules.tuned import LEARNERS, Trial, tuned_chance
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Keys, Luck, uniform
from coursewright.simulators.protocol import clone

ARRIVALS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
UNSEEN = 0  # the box of items that were never asked

FIRST, SECOND = 1.0, 6.0  # SM-2's first intervals, in days
EASE, LOWEST_EASE = 2.5, 1.3
RIGHT, WRONG = 4, 2  # what a binary answer is as a grade from 0 to 5
PASSED = 3  # the lowest grade that does not start the item again
MOMENT = 1e-6  # days by which sums of pauses may fall short of a due date


class Boxes(NamedTuple):
    """Leitner's record: `box [batch, items]` (0: unseen), and the turn in which the item was put there."""

    turns: Turns
    box: Ints
    since: Ints


@kernel
def _move(item: Ints, turn: Ints, right: Bools, box: Ints, since: Ints) -> None:
    """Put the last item a box up or down; from box 1 and from the unseen, down is box 1."""
    for i in range(item.shape[0]):
        a = item[i]
        if a >= 0:
            box[i, a] = box[i, a] + 1 if right[i] else max(1, box[i, a] - 1)
            since[i, a] = turn[i]


@kernel
def _draw_box(
    fate: Keys, turn: Ints, box: Ints, since: Ints, arrival: float, allowed: Bools, oldest: Ints, out: Ints
) -> None:
    """Draw a box, then take the item that has been in it for longest.

    `oldest` is scratch space for one item a box.
    """
    for i in range(out.shape[0]):
        top = 0
        for k in range(oldest.shape[0]):
            oldest[k] = -1
        for a in range(box.shape[1]):
            k = box[i, a]
            if allowed[i, a] and (oldest[k] < 0 or since[i, a] < since[i, oldest[k]]):
                oldest[k] = a
                top = max(top, k)
        total = 0.0
        for k in range(1, top + 1):
            total += 1.0 / np.sqrt(k) if oldest[k] >= 0 else 0.0
        out[i] = max(oldest[UNSEEN], 0)
        if oldest[UNSEEN] >= 0 and (total == 0.0 or uniform(fate[i], turn[i], POLICY) < arrival):
            continue
        left = uniform(fate[i], turn[i], POLICY + 1) * total
        for k in range(1, top + 1):
            if oldest[k] >= 0:
                out[i] = oldest[k]
                left -= 1.0 / np.sqrt(k)
                if left < 0.0:
                    break


@dataclass(frozen=True, eq=False)
class Leitner:
    """deeptutor's Leitner system: an endless queue of boxes (Reddy, Levine & Dragan 2017).

    With the chance `arrival` an unseen item; else from box k with a chance proportional to 1/sqrt(k),
    first in, first out.  A right answer moves the item up by one box, a wrong one down to box 1 at
    the lowest.
    """

    task: Task
    arrival: float
    trials: tuple[Trial, ...] = ()
    respects_mask: bool = True

    def __post_init__(self) -> None:
        self.task.layout.require("leitner", "last_correct")

    def begin(self, luck: Luck) -> Boxes:
        """Everything is unseen, in the course's order."""
        shape = (len(luck.fate), self.task.course.n_items)
        return Boxes(first_turns(luck), np.zeros(shape, np.int64), np.zeros(shape, np.int64))

    def predict(
        self,
        observation: Observation,
        state: Boxes | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Boxes]:
        """Items `[batch]`; `deterministic` changes nothing: to draw is the rule itself."""
        batch = len(observation)
        before = self.begin(unnamed(batch)) if state is None else state
        turns, box, since = before.turns, before.box.copy(), before.since.copy()
        last = turns.item.copy()
        if episode_start is not None:
            last[episode_start] = -1
            box[episode_start] = UNSEEN
            since[episode_start] = 0
        _move(last, turns.turn, _right(self.task, observation), box, since)
        item = np.empty(batch, np.int64)
        allowed = allowed_items(action_masks, batch, self.task.course.n_items)
        oldest = np.empty(int(box.max()) + 1, np.int64)
        _draw_box(turns.fate, turns.turn, box, since, self.arrival, allowed, oldest, item)
        return item, Boxes(turns.after(item), box, since)


class Intervals(NamedTuple):
    """SM-2's record.

    `item`, `now [batch]`: the last choice (-1: none) and its day.  `passed` (right answers in a row, -1
    before the first answer), `interval`, `ease` and day `due` are `[batch, items]`.
    """

    item: Ints
    now: Floats
    passed: Ints
    interval: Floats
    ease: Floats
    due: Floats


@kernel
def _reschedule(
    item: Ints, right: Bools, now: Floats, passed: Ints, interval: Floats, ease: Floats, due: Floats
) -> None:
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        grade = RIGHT if right[i] else WRONG
        done = max(passed[i, a], 0) if grade >= PASSED else 0
        if done == 0:
            interval[i, a] = FIRST
        elif done == 1:
            interval[i, a] = SECOND
        else:
            interval[i, a] *= ease[i, a]
        passed[i, a] = done + 1 if grade >= PASSED else 0
        short = 5.0 - grade
        ease[i, a] = max(LOWEST_EASE, ease[i, a] + 0.1 - short * (0.08 + short * 0.02))
        due[i, a] = now[i] + interval[i, a]


@kernel
def _most_due(now: Floats, passed: Ints, due: Floats, new_first: bool, allowed: Bools, out: Ints) -> None:
    """The item due first, if its day has come; else the first new item; else the one due first."""
    for i in range(out.shape[0]):
        soonest, new = -1, -1
        for a in range(due.shape[1]):
            if not allowed[i, a]:
                continue
            if passed[i, a] < 0:
                new = a if new < 0 else new
            elif soonest < 0 or due[i, a] < due[i, soonest]:
                soonest = a
        review = soonest >= 0 and (new < 0 or (due[i, soonest] <= now[i] + MOMENT and not new_first))
        out[i] = soonest if review else max(new, 0)


@dataclass(frozen=True, eq=False)
class Sm2:
    """SM-2 (Wozniak 1990) with binary answers: a right one is the grade 4, a wrong one 2.

    Intervals of 1 and 6 days, then times the ease, which a wrong answer lowers (it starts the item
    again at 1 day, too).  Reviews that are due come first, the most overdue one before others; then new
    items in the course's order; then what is due soonest.  With `new_first`, new items come before
    everything else.
    """

    task: Task
    new_first: bool = False
    respects_mask: bool = True

    def __post_init__(self) -> None:
        self.task.layout.require("sm2", "last_correct", "days_since")

    def begin(self, luck: Luck) -> Intervals:
        """Everything is new, on day 0."""
        batch = len(luck.fate)
        shape = (batch, self.task.course.n_items)
        return Intervals(
            item=np.full(batch, -1, np.int64),
            now=np.zeros(batch),
            passed=np.full(shape, -1, np.int64),
            interval=np.zeros(shape),
            ease=np.full(shape, EASE),
            due=np.zeros(shape),
        )

    def predict(
        self,
        observation: Observation,
        state: Intervals | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Intervals]:
        """Items `[batch]`."""
        batch = len(observation)
        before = self.begin(unnamed(batch)) if state is None else state
        kept = clone(before)
        if episode_start is not None and episode_start.any():
            for array, fresh in zip(kept, self.begin(unnamed(batch)), strict=True):
                array[episode_start] = fresh[episode_start]
        right = _right(self.task, observation)
        _reschedule(kept.item, right, kept.now, kept.passed, kept.interval, kept.ease, kept.due)
        kept.now[:] += days_passed(self.task, observation, kept.item)
        allowed = allowed_items(action_masks, batch, self.task.course.n_items)
        item = np.empty(batch, np.int64)
        _most_due(kept.now, kept.passed, kept.due, self.new_first, allowed, item)
        return item, kept._replace(item=item)


def _right(task: Task, observation: Observation) -> Bools:
    """Whether the last item was passed, `[batch]`: answered right, or shown without a question."""
    return np.asarray(observation[:, task.layout.columns("last_correct").start] >= 0.0)


def leitner(
    task: Task, seed: int, tracker: Tracker, *, arrival: float | None = None, learners: int = LEARNERS
) -> Leitner:
    """A Leitner system that asks an unseen item with the chance `arrival`.

    Without `arrival`, the best of eight values on `learners` tuning learners is taken.  Raises
    `InputError` for a chance out of range, and where the task lacks `last_correct`.
    """
    chance, trials = tuned_chance(
        "arrival", arrival, ARRIVALS, lambda chance: Leitner(task, chance), task, tracker, learners
    )
    return Leitner(task, chance, trials)


def sm2(task: Task, seed: int, tracker: Tracker, *, new_first: bool = False) -> Sm2:
    """SM-2, the scheduler that most spaced-repetition programs descend from.

    Where steps are rarer than reviews fall due, new items never get their turn unless `new_first`.
    Raises `InputError` where the task lacks `last_correct` or `days_since`.
    """
    return Sm2(task, new_first)
