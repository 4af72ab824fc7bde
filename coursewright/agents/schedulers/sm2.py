"""SM-2, the scheduler that most spaced-repetition programs descend from."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.agents.options import switches
from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.schedulers.calendar import Calendar, CalendarRule
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel

FIRST, SECOND = 1.0, 6.0  # the first intervals, in days
EASE, LOWEST_EASE = 2.5, 1.3
RIGHT, WRONG = 4, 2  # the grade from 0 to 5 of a binary answer
PASSED = 3  # the lowest grade that does not start the item again


class Intervals(NamedTuple):
    """`passed` (right answers in a row), `interval` in days and `ease`, `[batch, items]` each."""

    passed: Ints
    interval: Floats
    ease: Floats


@kernel
def _reschedule(last: Last, kept: Intervals, now: Floats, due: Floats) -> None:
    for i in range(now.shape[0]):
        a = last.item[i]
        if a < 0:
            continue
        if last.asked[i]:
            grade, done = RIGHT if last.right[i] else WRONG, kept.passed[i, a]
            if grade < PASSED or done == 0:
                kept.interval[i, a] = FIRST
            elif done == 1:
                kept.interval[i, a] = SECOND
            else:
                kept.interval[i, a] *= kept.ease[i, a]
            short = 5.0 - grade
            kept.ease[i, a] = max(LOWEST_EASE, kept.ease[i, a] + 0.1 - short * (0.08 + short * 0.02))
            kept.passed[i, a] = done + 1 if grade >= PASSED else 0
        due[i, a] = now[i] + kept.interval[i, a]


@dataclass(frozen=True)
class Sm2Plan:
    """SM-2 (Wozniak 1990) with binary answers: a right one is the grade 4, a wrong one 2.

    Intervals of 1 and 6 days, then times the ease, which a wrong answer lowers (it starts the item again at 1
    day, too).
    """

    def begin(self, batch: int, items: int) -> Intervals:
        """Nothing has passed yet."""
        shape = (batch, items)
        return Intervals(np.zeros(shape, np.int64), np.full(shape, FIRST), np.full(shape, EASE))

    def answered(self, seen: Seen, last: Last, kept: Calendar) -> None:
        """See `Plan`."""
        _reschedule(last, kept.own, kept.now, kept.due)


@dataclass(frozen=True)
class Sm2:
    """SM-2 by the calendar that the task shows (see `calendar.py`).

    Where steps are rarer than reviews fall due, new items never get their turn unless `new_first`.
    """

    new_first: bool = True

    def __post_init__(self) -> None:
        switches(new_first=self.new_first)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `days_since`."""
        return RulePolicy("sm2", task, CalendarRule(task, Sm2Plan(), self.new_first))
