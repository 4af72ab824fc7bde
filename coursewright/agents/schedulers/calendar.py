"""The calendar that schedulers share: the item that is most overdue comes next.

Reviews whose day has come are first, the longest overdue before others; then new items in the course's order;
then the item that is due soonest.  Of items with the same day, the one listed first.  The goal plays no
part.  A scheduler may bring reviews in another `Order`.

Where a task offers delays, the rule picks the item in the same way and then the smallest delay that reaches
the next due day: that of another item, or of this one if it is answered right.  A new item that waits is due
at once.  Where no delay reaches it, the rule picks the longest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from coursewright.agents.rule import Last, Seen
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import Luck

DATED = "above 0, or task.delays given: no days pass in this task, and schedulers go by dates (task=recall)"
MOMENT = 1e-6  # days by which sums of pauses may fall short of a due date


class Calendar(NamedTuple):
    """A scheduler's record.

    `now [batch]` is the learner's day.  `met` (False while an item is new) and the day `due` are `[batch,
    items]`, and `own` is the memory of the plan.
    """

    now: Floats
    met: Bools
    due: Floats
    own: Any


class Plan(Protocol):
    """The plan by which answers set due days."""

    def begin(self, batch: int, items: int) -> tuple[Any, ...]:
        """The plan's memory of new learners: arrays with the batch as their first axis."""
        ...

    def answered(self, seen: Seen, last: Last, kept: Calendar) -> None:
        """Take in the last turn (item -1: none), and write when its item is due; `kept.met` is set later.

        An item that asked nothing is due again after the interval that it has, a new one after the first.
        Of arrays `[batch, items, ...]`, no entry of another item changes.
        """
        ...


class Order(Protocol):
    """The order in which reviews come."""

    def __call__(self, seen: Seen, kept: Calendar) -> tuple[Floats, Bools]:
        """Ranks `[batch, items]`, the lowest first, and True where an item is due; new items do not count."""
        ...


def by_day(seen: Seen, kept: Calendar) -> tuple[Floats, Bools]:
    """The longest overdue first."""
    return kept.due, kept.due <= kept.now[:, None] + MOMENT


def refuse_undated(task: Task) -> None:
    """Refuse a task in which no days pass."""
    if task.longest_gap <= 0.0:
        raise reject("task.days", 0, DATED)


@kernel
def write_items(item: Ints, value: Floats, out: Floats) -> None:
    """Write `value [batch]` for `item [batch]` (-1: none) into `out [batch, items]`."""
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i, item[i]] = value[i]


@kernel
def _most_due(met: Bools, rank: Floats, ready: Bools, new_first: bool, allowed: Bools, out: Ints) -> None:
    for i in range(out.shape[0]):
        soonest, new = -1, -1
        for a in range(allowed.shape[1]):
            if not allowed[i, a]:
                continue
            if not met[i, a]:
                new = a if new < 0 else new
            elif soonest < 0 or rank[i, a] < rank[i, soonest]:
                soonest = a
        due = soonest >= 0 and ready[i, soonest]
        review = soonest >= 0 and (new < 0 or (due and not new_first))
        out[i] = soonest if review else max(new, 0)


@kernel
def _next_due(kept: Calendar, item: Ints, own_due: Floats, allowed: Bools, out: Floats) -> None:
    """The days until another allowed item is due, or `item` itself, if it is answered right."""
    for i in range(out.shape[0]):
        soonest = own_due[i]
        for a in range(allowed.shape[1]):
            if allowed[i, a] and a != item[i]:
                soonest = min(soonest, kept.due[i, a] if kept.met[i, a] else kept.now[i])
        out[i] = max(soonest - kept.now[i], 0.0)


@dataclass(frozen=True, eq=False)
class CalendarRule:
    """Picks items by the calendar that a plan keeps; with `new_first`, new items come before all others.

    Raises `InputError` for a task in which no days pass.
    """

    task: Task
    plan: Plan
    new_first: bool
    order: Order = by_day
    needs: ClassVar[tuple[str, ...]] = ("last_correct", "days_since")

    def __post_init__(self) -> None:
        refuse_undated(self.task)

    def begin(self, luck: Luck) -> Calendar:
        """Everything is new, on day 0."""
        shape = (len(luck.fate), self.task.course.n_items)
        return Calendar(np.zeros(shape[0]), np.zeros(shape, bool), np.zeros(shape), self.plan.begin(*shape))

    def choose(self, seen: Seen, memory: Calendar) -> tuple[Ints, Calendar]:
        """Actions `[batch]`."""
        last = seen.last
        self.plan.answered(seen, last, memory)
        chosen = np.flatnonzero(last.item >= 0)
        memory.met[chosen, last.item[chosen]] = True
        memory.now[:] += last.days
        item = np.empty(len(seen), np.int64)
        rank, ready = self.order(seen, memory)
        _most_due(memory.met, rank, ready, self.new_first, seen.allowed, item)
        if not self.task.delays:
            return item, memory
        return item + self.task.course.n_items * self._delay(seen, memory, item), memory

    def _delay(self, seen: Seen, kept: Calendar, item: Ints) -> Ints:
        """The place of each row's delay among those of the task."""
        days = np.empty(len(item))
        _next_due(kept, item, self._due_if_right(seen, kept, item), seen.allowed, days)
        delays = np.array(self.task.delays, np.float64)
        shortest_first = np.argsort(delays, kind="stable")
        place = np.searchsorted(delays[shortest_first], days - MOMENT)
        return np.asarray(shortest_first[np.minimum(place, len(delays) - 1)])

    def _due_if_right(self, seen: Seen, kept: Calendar, item: Ints) -> Floats:
        """The day `[batch]` on which the item is due if it is answered right; the record stays as it was."""
        rows, right = np.arange(len(item)), np.ones(len(item), bool)
        # A copy of the whole record would cost more than all else here.
        parts = [(array, self._touched(array, rows, item)) for array in _arrays(kept)]
        before = [array[place].copy() for array, place in parts]
        self.plan.answered(seen, Last(item, right, right, np.zeros(len(item))), kept)
        due = kept.due[rows, item]
        for (array, place), was in zip(parts, before, strict=True):
            array[place] = was
        return due

    def _touched(self, array: Any, rows: Ints, item: Ints) -> Any:
        """The part of an array of the record that an answer to `item` may change."""
        by_item = array.ndim > 1 and array.shape[1] == self.task.course.n_items
        return (rows, item) if by_item else slice(None)


def _arrays(memory: tuple[Any, ...]) -> Iterator[Any]:
    """The arrays of a memory and of those in it."""
    for part in memory:
        if isinstance(part, tuple):
            yield from _arrays(part)
        else:
            yield part
