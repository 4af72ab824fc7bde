"""Schedulers that think by a memory model: an item is due when it is believed to have faded so far.

The rule keeps a state of the model for each learner, and tells it the answers (see
`simulators/memory/answered.py`).  The model is that of the task's mind, where it is a memory: a fitted FSRS,
half-life regression or ACT-R.  Without a mind it is FSRS-6 with its published weights, under which a right
answer is Good.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.schedulers.calendar import (
    MOMENT,
    Calendar,
    CalendarRule,
    Order,
    by_day,
    refuse_undated,
    write_items,
)
from coursewright.envs.task import Task
from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.memory.answered import FsrsMemory, Memory, memory_of, nobody
from coursewright.simulators.memory.fsrs import Fsrs

LOWEST = 1e-4  # recall below which nothing is foreseen


class Recalled(NamedTuple):
    """The state of the memory's `learners`; an item is due at a recall of `target [batch, items]`."""

    learners: Any
    target: Floats


class Aim(Protocol):
    """The recall at which an item is due next, once it was answered."""

    def __call__(self, memory: Memory, learners: Any, item: Ints) -> Floats:
        """Recall in [0, 1] of `item [batch]`; 0: the item is never due."""
        ...


def believed_memory(name: str, task: Task) -> Memory:
    """The memory by which a task's tutor thinks, FSRS-6 as published where it has a table alone.

    Raises `InputError` where no days pass, and where the tutor thinks by another kind of model.
    """
    refuse_undated(task)
    if task.mind is None:
        return FsrsMemory(Fsrs(task.course))
    model = getattr(task.mind, "model", None)
    memory = memory_of(model)
    if memory is None:
        allowed = f"null, fsrs, hlr, act_r, or a folder of such learners, because {name} goes by memories"
        raise reject("tutor", f"a model of {type(model).__name__} learners", allowed)
    here = memory.on(task.course)
    # At once R is 1; the share of right answers within a day is about answering.
    return FsrsMemory(replace(here.model, same_day=1.0)) if isinstance(here, FsrsMemory) else here


def fsrs_memory(name: str, task: Task) -> FsrsMemory:
    """The same, where it must be FSRS.  Raises `InputError` for another memory."""
    memory = believed_memory(name, task)
    if not isinstance(memory, FsrsMemory):
        kind = type(memory.model).__name__
        raise reject("tutor", f"a model of {kind} learners", f"null or fsrs: {name} needs S and D")
    return memory


def told(memory: Memory, learners: Any, last: Last) -> None:
    """Tell the last turn; an item that asked nothing was shown."""
    memory.tell(learners, last.item, np.where(last.asked, last.right.astype(np.int64), -1))


@dataclass(frozen=True, eq=False)
class RecallPlan:
    """An item is due on the day on which its believed recall falls to its aim."""

    memory: Memory
    aim: Aim

    def begin(self, batch: int, items: int) -> Recalled:
        """Learners who have met nothing."""
        return Recalled(begun(self.memory, batch), np.ones((batch, items)))

    def answered(self, seen: Seen, last: Last, kept: Calendar) -> None:
        """See `Plan`; the days of the last turn pass for the memory here."""
        own = kept.own
        told(self.memory, own.learners, last)
        if (last.item >= 0).any():
            item, days = np.maximum(last.item, 0), np.empty(len(last.item))
            target = self.aim(self.memory, own.learners, item)
            self.memory.due_in(own.learners, item, np.maximum(target, LOWEST), days)
            days[target <= 0.0] = np.inf
            write_items(last.item, target, own.target)
            write_items(last.item, kept.now + days, kept.due)
        self.memory.model.elapse(own.learners, last.days, nobody(len(last.item)))


def begun(memory: Memory, batch: int) -> Any:
    """The state of a memory's learners who have met nothing."""
    learners = memory.model.empty(batch)
    memory.model.enrol(learners, np.arange(batch), nobody(batch))
    return learners


def recalls(memory: Memory, kept: Calendar) -> Floats:
    """Believed P(recall) of every item now, `[batch, items]`."""
    out = np.empty(kept.due.shape)
    memory.recalls(kept.own.learners, out)
    return out


def furthest_below(memory: Memory, seen: Seen, kept: Calendar) -> tuple[Floats, Bools]:
    """The item first whose recall is furthest below its aim; due is one whose day has come."""
    ready = kept.due <= kept.now[:, None] + MOMENT
    return recalls(memory, kept) - kept.own.target - ready, ready


def nearest_below(memory: Memory, seen: Seen, kept: Calendar) -> tuple[Floats, Bools]:
    """Of items at or below their aim the nearest to it first, then of the others likewise."""
    ready = kept.due <= kept.now[:, None] + MOMENT
    return np.abs(recalls(memory, kept) - kept.own.target) - ready, ready


ORDERS: Mapping[str, Callable[[Memory, Seen, Calendar], tuple[Floats, Bools]] | None] = {
    "recall": furthest_below,
    "day": None,
    "nearest": nearest_below,
}


def check_order(order: object) -> None:
    """Refuse an order that schedulers do not offer."""
    if order not in ("recall", "day"):
        raise unknown("agent.order", str(order), ("recall", "day"))


def recall_policy(name: str, task: Task, plan: RecallPlan, new_first: bool, order: str) -> RulePolicy:
    """The policy that reviews by a plan, in this order of `ORDERS`."""
    ranked = ORDERS[order]
    by: Order = by_day if ranked is None else partial(ranked, plan.memory)
    return RulePolicy(name, task, CalendarRule(task, plan, new_first, by))
