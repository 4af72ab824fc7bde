"""The calendar that schedulers share, as a torch graph: `schedulers.calendar.CalendarRule`.

A memory is one row of float32 a learner: the day, then of each item whether it was met, the day on which it
is due, and what the plan keeps (`plans`).  A float64 stands there as three numbers whose sum it is.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursewright.agents.export.drawing import first, uniform
from coursewright.agents.export.mindful import PARTS, joined, parted
from coursewright.agents.export.paths import only
from coursewright.agents.export.plans import Fsrs, Parts, plan_of
from coursewright.agents.export.sight import Sight
from coursewright.agents.schedulers.by_memory import furthest_below, nearest_below
from coursewright.agents.schedulers.calendar import MOMENT, CalendarRule, by_day
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course

RANKED = (furthest_below, nearest_below)
LATE = 1e300  # later than any day


class Calendar(nn.Module):
    """`CalendarRule`."""

    def __init__(self, rule: CalendarRule, task: Task) -> None:
        super().__init__()
        self.plan = plan_of(rule.plan)
        order: Any = getattr(rule.order, "func", rule.order)
        if order is not by_day and not (order in RANKED and isinstance(self.plan, Fsrs)):
            raise InputError(f"policy = {order}: this order cannot be written as a tutor file")
        self.ranked = order is not by_day
        self.near = order is nearest_below
        self.items, self.new_first = task.course.n_items, rule.new_first
        self.memory = (("day", 1, PARTS), ("met", self.items, 1), ("due", self.items, PARTS))
        self.doubles = 1 + len(self.plan.start)  # the due day, and what the plan keeps
        self.start: Tensor
        self.skill: Tensor
        self.delays: Tensor
        self.place: Tensor
        parts = [torch.zeros(PARTS + self.items + PARTS * self.items)]
        for value in self.plan.start:
            whole_row = parted(torch.full((self.items,), value, dtype=torch.float64))
            parts.extend(whole_row)
        self.register_buffer("start", torch.cat(parts), persistent=False)
        self.register_buffer("skill", torch.tensor(_first_skill(task.course)), persistent=False)
        delays = np.array(task.delays, np.float64)
        order = np.argsort(delays, kind="stable")
        self.register_buffer("delays", torch.tensor(delays[order]), persistent=False)
        self.register_buffer("place", torch.tensor(order), persistent=False)

    def forward(self, seen: Sight, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Actions `[batch]`, and the memory after them."""
        head, met, rest = torch.split(memory, [PARTS, self.items, PARTS * self.items * self.doubles], 1)
        now = joined(list(torch.split(head, 1, 1)))
        pieces = torch.split(rest, self.items, 1)
        doubles = [joined(list(pieces[at : at + PARTS])) for at in range(0, len(pieces), PARTS)]
        due, kept = doubles[0], tuple(doubles[1:])
        last = only(seen.chosen, self.items)
        draw = uniform(seen.key, seen.turn)[:, None]
        after, wait = self.plan(kept, seen.asked[:, None], seen.right[:, None], now, draw)
        kept = tuple(torch.where(last, new, old) for new, old in zip(after, kept, strict=True))
        due = torch.where(last, now + wait, due)
        met = torch.where(last, 1.0, met)
        now = now + self._days(seen)[:, None]
        item = self._most_due(seen.allowed, met > 0.0, *self._rank(due, kept, now))
        action = item
        if len(self.delays):
            action = item + self.items * self._delay(seen.allowed, met > 0.0, (due, *kept), (now, draw), item)
        state = [*parted(now), met]
        for value in (due, *kept):
            state.extend(parted(value))
        return action, torch.cat(state, 1)

    def _days(self, seen: Sight) -> Tensor:
        """The days since the last choice."""
        skill = self.skill[seen.chosen.clamp(min=0)]
        since = seen.values["days_since"].gather(1, skill[:, None])[:, 0].double()
        return torch.where(seen.chosen >= 0, since, 0.0)

    def _rank(self, due: Tensor, kept: Parts, now: Tensor) -> tuple[Tensor, Tensor]:
        """The rank of each item, the lowest first, and True where it is due."""
        ready = due <= now + MOMENT
        if not self.ranked:
            return due, ready
        assert isinstance(self.plan, Fsrs)
        short = self.plan.recalls(kept, now) - kept[-1]
        return (short.abs() if self.near else short) - ready.double(), ready

    def _most_due(self, allowed: Tensor, met: Tensor, rank: Tensor, due: Tensor) -> Tensor:
        soonest = torch.where(allowed & met, rank.clamp(max=LATE), torch.inf).argmin(1)
        old, new = (allowed & met).any(1), (allowed & ~met).any(1)
        ready = (due & only(soonest, self.items)).any(1)
        review = old & (~new | (ready & (not self.new_first)))
        return torch.where(review, soonest, first(allowed & ~met))

    def _delay(self, allowed: Tensor, met: Tensor, kept: Parts, at: Parts, item: Tensor) -> Tensor:
        """The place of the smallest delay that reaches the next due day."""
        right = torch.ones_like(item[:, None]) > 0
        now, draw = at
        _, wait = self.plan(kept[1:], right, right, now, draw)
        own = (now + wait).gather(1, item[:, None])
        others = torch.where(met, kept[0], now)
        others = torch.where(allowed & ~only(item, self.items), others, torch.inf)
        days = (torch.minimum(others.amin(1, keepdim=True), own) - now).clamp(min=0.0)
        reached = self.delays >= days - MOMENT
        place = torch.where(reached.any(1), reached.to(torch.uint8).argmax(1), len(self.delays) - 1)
        return self.place[place]


def _first_skill(course: Course) -> list[int]:
    """The skill of each item from which `rule._last` reads the days."""
    start, needed = course.needed
    return [int(needed[start[a]]) for a in range(course.n_items)]
