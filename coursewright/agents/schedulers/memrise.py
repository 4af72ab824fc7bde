"""Memrise's ladder of intervals: an item climbs with every right answer.

A right answer takes an item one rung up, and a wrong one back to the first.  The rungs are 1, 6, 12, 48, 96
and 180 days, as the README of SSP-MMC-FSRS states them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.agents.options import positive, switches
from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.schedulers.calendar import Calendar, CalendarRule
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel

RUNGS = (1.0, 6.0, 12.0, 48.0, 96.0, 180.0)  # days


class Rungs(NamedTuple):
    """The `rung [batch, items]` of each item; -1 before the first answer."""

    rung: Ints


@inlined
def next_rung(rung: int, right: bool, rungs: int) -> int:
    """One up after a right answer (the last one stays), the first after a wrong one."""
    return min(rung + 1, rungs - 1) if right else 0


@kernel
def _reschedule(last: Last, rung: Ints, days: Floats, now: Floats, due: Floats) -> None:
    for i in range(now.shape[0]):
        a = last.item[i]
        if a < 0:
            continue
        if last.asked[i]:
            rung[i, a] = next_rung(rung[i, a], last.right[i], days.shape[0])
        due[i, a] = now[i] + days[max(rung[i, a], 0)]


@dataclass(frozen=True)
class Ladder:
    """Intervals `days` by rung."""

    days: tuple[float, ...]

    def begin(self, batch: int, items: int) -> Rungs:
        """Below the first rung."""
        return Rungs(np.full((batch, items), -1, np.int64))

    def answered(self, seen: Seen, last: Last, kept: Calendar) -> None:
        """See `Plan`."""
        _reschedule(last, kept.own.rung, np.array(self.days), kept.now, kept.due)


def _checked(days: object) -> tuple[float, ...]:
    if isinstance(days, str) or not isinstance(days, Sequence) or not days:
        raise reject("agent.days", days, "a list of days, such as [1, 6, 12]")
    for place, value in enumerate(days):
        positive(**{f"days[{place}]": value})
        if place and value < days[place - 1]:
            raise reject(
                f"agent.days[{place}]", value, f"at least the {days[place - 1]} before it: a ladder rises"
            )
    return tuple(float(value) for value in days)


@dataclass(frozen=True)
class Memrise:
    """Memrise's ladder, or another one of so many `days` each, by the calendar that the task shows.

    Raises `InputError` for days that are not positive, or fall from one rung to the next.
    """

    days: Sequence[float] = RUNGS
    new_first: bool = True

    def __post_init__(self) -> None:
        switches(new_first=self.new_first)
        object.__setattr__(self, "days", _checked(self.days))

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `days_since`."""
        return RulePolicy("memrise", task, CalendarRule(task, Ladder(tuple(self.days)), self.new_first))
