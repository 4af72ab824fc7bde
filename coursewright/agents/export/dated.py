"""Schedulers that go by dates, as torch graphs: `schedulers.calendar.CalendarRule` and its plans.

A memory is one row of float32 a learner: the day, then of each item whether it was met, the day on which it
is due, and what the plan keeps.  A float64 stands there as three numbers whose sum it is.
"""

import numpy as np
import torch
from torch import Tensor, nn

from coursewright.agents.export.mindful import PARTS, parted, whole
from coursewright.agents.export.paths import only
from coursewright.agents.export.sight import Sight
from coursewright.agents.schedulers.by_memory import LOWEST, RecallPlan
from coursewright.agents.schedulers.calendar import MOMENT, CalendarRule, by_day
from coursewright.agents.schedulers.fsrs import Steady
from coursewright.agents.schedulers.memrise import Ladder
from coursewright.agents.schedulers.sm2 import EASE, FIRST, LOWEST_EASE, PASSED, RIGHT, SECOND, WRONG, Sm2Plan
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.memory import fsrs
from coursewright.simulators.memory.answered import FsrsMemory

Parts = tuple[Tensor, ...]


class Rungs(nn.Module):
    """`memrise.Ladder`: the rung of each item."""

    start = (-1.0,)

    def __init__(self, plan: Ladder) -> None:
        super().__init__()
        self.days: Tensor
        self.register_buffer("days", torch.tensor(plan.days, dtype=torch.float64), persistent=False)

    def forward(self, kept: Parts, asked: Tensor, right: Tensor, now: Tensor) -> tuple[Parts, Tensor]:
        """An item's memory after an answer now, and the days until it is due, `[batch, items]`."""
        rung = kept[0]
        moved = torch.where(right, (rung + 1.0).clamp(max=len(self.days) - 1.0), 0.0)
        rung = torch.where(asked, moved, rung)
        return (rung,), self.days[rung.clamp(min=0.0).long()]


class Sm2(nn.Module):
    """`sm2.Sm2Plan`: right answers in a row, interval and ease."""

    start = (0.0, FIRST, EASE)

    def forward(self, kept: Parts, asked: Tensor, right: Tensor, now: Tensor) -> tuple[Parts, Tensor]:
        """As `Rungs.forward`."""
        done, interval, ease = kept
        grade = torch.where(right, float(RIGHT), float(WRONG)).double()
        passed = grade >= PASSED
        grown = torch.where(done == 1.0, SECOND, interval * ease)
        after = torch.where(~passed | (done == 0.0), FIRST, grown)
        short = 5.0 - grade
        easier = (ease + 0.1 - short * (0.08 + short * 0.02)).clamp(min=LOWEST_EASE)
        interval = torch.where(asked, after, interval)
        ease = torch.where(asked, easier, ease)
        done = torch.where(asked, torch.where(passed, done + 1.0, 0.0), done)
        return (done, interval, ease), interval


class Fsrs(nn.Module):
    """`by_memory.RecallPlan` with FSRS at one retention: stability, difficulty and day of the last review."""

    start = (0.0, 0.0, 0.0)

    def __init__(self, plan: RecallPlan) -> None:
        super().__init__()
        assert isinstance(plan.memory, FsrsMemory)
        assert isinstance(plan.aim, Steady)
        table = plan.memory.model.table
        weights = np.clip(table[0], fsrs.LOWEST, fsrs.HIGHEST)
        self.w = [float(weight) for weight in weights]
        self.factor = 0.9 ** (-1.0 / self.w[20]) - 1.0
        self.aim = max(plan.aim.recall, LOWEST)

    def forward(self, kept: Parts, asked: Tensor, right: Tensor, now: Tensor) -> tuple[Parts, Tensor]:
        """As `Rungs.forward`; an item that was shown and not asked counts as a right answer."""
        stability, difficulty, last = kept
        w, good = self.w, right | ~asked
        known = stability > 0.0
        days = torch.floor(now - last + fsrs.ROUNDING)
        safe = torch.where(known, stability, 1.0)
        recalled = (1.0 + self.factor * days / safe) ** -w[20]
        missed = 1.0 - recalled
        surprise = torch.exp(missed * w[10]) - 1.0
        hard = torch.where(known, difficulty, 1.0)
        growth = np.exp(w[8]) * (11.0 - hard) * safe ** -w[9] * surprise
        lapsed = w[11] * hard ** -w[12] * ((safe + 1.0) ** w[13] - 1.0) * torch.exp(missed * w[14])
        lapsed = torch.minimum(lapsed, safe / np.exp(w[17] * w[18]))
        apart = torch.where(good, safe * (1.0 + growth), lapsed)
        mark = torch.where(good, float(fsrs.GOOD), float(fsrs.AGAIN)).double()
        same = torch.exp(w[17] * (mark - 3.0 + w[18])) * safe ** -w[19]
        within = safe * torch.where(good, same.clamp(min=1.0), same)
        later = torch.where(days < 1.0, within, apart).clamp(min=fsrs.LEAST_STABILITY)
        new = torch.where(good, w[fsrs.GOOD - 1], w[fsrs.AGAIN - 1])
        stability = torch.where(known, later, new.double())
        eased = w[7] * self._first(float(fsrs.EASY)) + (1.0 - w[7]) * (
            hard + (10.0 - hard) / 9.0 * (-w[6] * (mark - 3.0))
        )
        first = torch.where(good, self._first(float(fsrs.GOOD)), self._first(float(fsrs.AGAIN)))
        difficulty = torch.where(known, eased, first.double()).clamp(1.0, 10.0)
        wait = torch.round(stability / self.factor * (self.aim ** (-1.0 / w[20]) - 1.0))
        return (stability, difficulty, now + torch.zeros_like(last)), wait.clamp(1.0, fsrs.LONGEST_INTERVAL)

    def _first(self, mark: float) -> float:
        return float(self.w[4] - np.exp(self.w[5] * (mark - 1.0)) + 1.0)


class Calendar(nn.Module):
    """`CalendarRule` by the day."""

    def __init__(self, rule: CalendarRule, task: Task) -> None:
        super().__init__()
        self.plan = _plan(rule)
        self.items, self.new_first = task.course.n_items, rule.new_first
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
        now = whole(list(torch.split(head, 1, 1)))
        pieces = torch.split(rest, self.items, 1)
        doubles = [whole(list(pieces[at : at + PARTS])) for at in range(0, len(pieces), PARTS)]
        due, kept = doubles[0], tuple(doubles[1:])
        last = only(seen.chosen, self.items)
        after, wait = self.plan(kept, seen.asked[:, None], seen.right[:, None], now)
        kept = tuple(torch.where(last, new, old) for new, old in zip(after, kept, strict=True))
        due = torch.where(last, now + wait, due)
        met = torch.where(last, 1.0, met)
        now = now + self._days(seen)[:, None]
        item = self._most_due(seen.allowed, met > 0.0, due, now)
        action = item
        if len(self.delays):
            action = item + self.items * self._delay(seen.allowed, met > 0.0, (due, *kept), now, item)
        state = [*parted(now), met]
        for value in (due, *kept):
            state.extend(parted(value))
        return action, torch.cat(state, 1)

    def _days(self, seen: Sight) -> Tensor:
        """The days since the last choice."""
        skill = self.skill[seen.chosen.clamp(min=0)]
        since = seen.values["days_since"].gather(1, skill[:, None])[:, 0].double()
        return torch.where(seen.chosen >= 0, since, 0.0)

    def _most_due(self, allowed: Tensor, met: Tensor, due: Tensor, now: Tensor) -> Tensor:
        soonest = torch.where(allowed & met, due, torch.inf).argmin(1)
        old, new = (allowed & met).any(1), (allowed & ~met).any(1)
        ready = due.gather(1, soonest[:, None])[:, 0] <= now[:, 0] + MOMENT
        review = old & (~new | (ready & (not self.new_first)))
        return torch.where(review, soonest, (allowed & ~met).to(torch.uint8).argmax(1))

    def _delay(self, allowed: Tensor, met: Tensor, kept: Parts, now: Tensor, item: Tensor) -> Tensor:
        """The place of the smallest delay that reaches the next due day."""
        right = torch.ones_like(item[:, None]) > 0
        _, wait = self.plan(kept[1:], right, right, now)
        own = (now + wait).gather(1, item[:, None])
        others = torch.where(met, kept[0], now)
        others = torch.where(allowed & ~only(item, self.items), others, torch.inf)
        days = (torch.minimum(others.amin(1, keepdim=True), own) - now).clamp(min=0.0)
        reached = self.delays >= days - MOMENT
        place = torch.where(reached.any(1), reached.to(torch.uint8).argmax(1), len(self.delays) - 1)
        return self.place[place]


def _plan(rule: CalendarRule) -> "Rungs | Sm2 | Fsrs":
    plan = rule.plan
    if rule.order is by_day and isinstance(plan, Ladder):
        return Rungs(plan)
    if rule.order is by_day and isinstance(plan, Sm2Plan):
        return Sm2()
    if rule.order is by_day and isinstance(plan, RecallPlan) and _one_fsrs(plan):
        return Fsrs(plan)
    raise InputError(f"policy = {type(plan).__name__}: this schedule cannot be written as a tutor file")


def _one_fsrs(plan: RecallPlan) -> bool:
    """True where all learners have the same FSRS weights, and all items the same retention."""
    memory = plan.memory
    if not (isinstance(memory, FsrsMemory) and isinstance(plan.aim, Steady)):
        return False
    return memory.model.spread == 0.0 and len(memory.model.table) == 1


def _first_skill(course: Course) -> list[int]:
    """The skill of each item from which `rule._last` reads the days."""
    start, needed = course.needed
    return [int(needed[start[a]]) for a in range(course.n_items)]
