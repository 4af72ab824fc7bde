"""SM-2, the scheduler that most spaced-repetition programs descend from.  The goal plays no part."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import Luck

FIRST, SECOND = 1.0, 6.0  # the first intervals, in days
EASE, LOWEST_EASE = 2.5, 1.3
RIGHT, WRONG = 4, 2  # the grade from 0 to 5 of a binary answer
PASSED = 3  # the lowest grade that does not start the item again
MOMENT = 1e-6  # days by which sums of pauses may fall short of a due date


class Intervals(NamedTuple):
    """SM-2's record.

    `now [batch]` is the learner's day.  `passed` (right answers in a row, -1 while the item is new),
    `interval`, `ease` and day `due` are `[batch, items]`.
    """

    now: Floats
    passed: Ints
    interval: Floats
    ease: Floats
    due: Floats


@kernel
def _reschedule(last: Last, kept: Intervals) -> None:
    """Take in the last answer.

    An item that asked nothing is due again after the interval that it has; a new one after the first.
    """
    for i in range(kept.now.shape[0]):
        a = last.item[i]
        if a < 0:
            continue
        done = max(kept.passed[i, a], 0)
        if last.asked[i]:
            grade = RIGHT if last.right[i] else WRONG
            if grade < PASSED or done == 0:
                kept.interval[i, a] = FIRST
            elif done == 1:
                kept.interval[i, a] = SECOND
            else:
                kept.interval[i, a] *= kept.ease[i, a]
            short = 5.0 - grade
            kept.ease[i, a] = max(LOWEST_EASE, kept.ease[i, a] + 0.1 - short * (0.08 + short * 0.02))
            done = done + 1 if grade >= PASSED else 0
        elif kept.passed[i, a] < 0:
            kept.interval[i, a] = FIRST
        kept.passed[i, a] = done
        kept.due[i, a] = kept.now[i] + kept.interval[i, a]


@kernel
def _most_due(kept: Intervals, new_first: bool, allowed: Bools, out: Ints) -> None:
    """The item due first, if its day has come; else the first new item; else the one due first."""
    for i in range(out.shape[0]):
        soonest, new = -1, -1
        for a in range(allowed.shape[1]):
            if not allowed[i, a]:
                continue
            if kept.passed[i, a] < 0:
                new = a if new < 0 else new
            elif soonest < 0 or kept.due[i, a] < kept.due[i, soonest]:
                soonest = a
        due = soonest >= 0 and kept.due[i, soonest] <= kept.now[i] + MOMENT
        review = soonest >= 0 and (new < 0 or (due and not new_first))
        out[i] = soonest if review else max(new, 0)


@dataclass(frozen=True, eq=False)
class Sm2Rule:
    """SM-2 (Wozniak 1990) with binary answers: a right one is the grade 4, a wrong one 2.

    Intervals of 1 and 6 days, then times the ease, which a wrong answer lowers (it starts the item
    again at 1 day, too).  Reviews that are due come first, the most overdue one before others; then new
    items in the course's order; then the item due soonest.  With `new_first`, new items come before
    everything else.
    """

    course: Course
    new_first: bool
    needs: ClassVar[tuple[str, ...]] = ("last_correct", "days_since")

    def begin(self, luck: Luck) -> Intervals:
        """Everything is new, on day 0."""
        shape = (len(luck.fate), self.course.n_items)
        return Intervals(
            now=np.zeros(shape[0]),
            passed=np.full(shape, -1, np.int64),
            interval=np.zeros(shape),
            ease=np.full(shape, EASE),
            due=np.zeros(shape),
        )

    def choose(self, seen: Seen, memory: Intervals) -> tuple[Ints, Intervals]:
        """Items `[batch]`."""
        _reschedule(seen.last, memory)
        memory.now[:] += seen.last.days
        item = np.empty(len(seen), np.int64)
        _most_due(memory, self.new_first, seen.allowed, item)
        return item, memory


@dataclass(frozen=True)
class Sm2:
    """SM-2 by the calendar that the task shows.

    Where steps are rarer than reviews fall due, new items never get their turn unless `new_first`.
    """

    new_first: bool = False

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `days_since`."""
        return RulePolicy("sm2", task, Sm2Rule(task.course, self.new_first))
