"""The record of a learner as a torch graph: what `envs.record.Records` keeps, from raw responses alone.

A state is one float32 row a learner.  It holds only what cannot be derived, so that goals, logarithms, the
budget, the last item's column and the locks are computed anew from it; a row of zeros is a learner whom
nobody has met.  Its columns:

    stamp, step, spent, last item + 1, last choice + 1, last answer, four pieces of the learner's key,
    then each of `KEPT` that the task has, feature after feature, skill after skill (or item after item)

The stamp says which tutor wrote the row.  Beliefs are computed in float64, in the order of operations of
`envs.belief`, and kept in float32: so both come out the same to the last bit.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from coursewright.envs.belief import (
    CERTAIN,
    FORGET,
    IF_KNOWN,
    IF_UNKNOWN,
    LEARN,
    PRIOR,
    RIGHT_IF_KNOWN,
    RIGHT_IF_UNKNOWN,
)
from coursewright.envs.features import BELIEFS, FEATURES, SHIPPED
from coursewright.envs.terms import Terms
from coursewright.errors import reject
from coursewright.simulators.arrays import Ints
from coursewright.simulators.lists import Lists, turned

STAMP, STEP, SPENT, LAST, CHOICE, ANSWER, KEY, HEAD = 0, 1, 2, 3, 4, 5, 6, 10
KEPT = (
    "attempts",
    "successes",
    "streak",
    "belief",
    "warmup_right",
    "warmup_wrong",
    "days_since",
    "item_attempts",
    "item_days_since",
)
LOGS = {
    "log_attempts": "attempts",
    "log_successes": "successes",
    "log_warmup_right": "warmup_right",
    "log_warmup_wrong": "warmup_wrong",
}
TINY = 1e-300  # as in `envs.belief`


class Event(NamedTuple):
    """One response a learner, `[batch]` each, then the days until now; see `Remembering.forward`."""

    item: Tensor
    correct: Tensor
    taught: Tensor
    past: Tensor
    days: Tensor
    minutes: Tensor


class Remembered(NamedTuple):
    """A learner's record after an event.

    `state [batch, columns]` is the next state, `values` each kept feature by its name, `[batch, skills]` or
    `[batch, items]`, and `observation [batch, columns]` the tutor's view.  `step`, `last`, `choice` and
    `answer` are `[batch]`; `last` and `choice` are items, -1 before the first.
    """

    state: Tensor
    values: dict[str, Tensor]
    observation: Tensor
    step: Tensor
    last: Tensor
    choice: Tensor
    answer: Tensor


class Remembering(nn.Module):
    """The memory of a tutor on these `terms`.

    `stamp`, a whole number below 2^24, marks its states; the buffer of that name holds it.

    Raises `InputError` for terms with a feature that only Python can keep: one of the user's own, or a belief
    of the tutor's mind.
    """

    def __init__(self, terms: Terms, stamp: int = 1) -> None:
        super().__init__()
        refuse_terms(terms)
        course, layout = terms.course, terms.layout
        self.skills, self.items = course.n_skills, course.n_items
        self.by_minutes, self.budget = terms.by_minutes, terms.budget
        self.shared_blame = terms.shared_blame
        self.unlock_after = terms.unlock_after
        ordered = [feature for feature in FEATURES if feature.name in layout.features]
        self.of_skills = [feature.name for feature in ordered if feature.axis == "skill"]
        self.others = [feature.name for feature in ordered if feature.axis != "skill"]
        self.kept = [name for name in KEPT if name in layout.features]
        self.sizes = [self.skills if SHIPPED[name].axis == "skill" else self.items for name in self.kept]
        self.width = HEAD + sum(self.sizes)
        self.stamp: Tensor
        self.needed: Tensor
        self.waits: Tensor
        self.new: Tensor
        self.table: Tensor
        self._constant("stamp", torch.tensor(float(stamp)))
        self._constant("needed", torch.from_numpy(padded(course.needed, self.skills)))
        self._constant("waits", torch.from_numpy(padded(turned(course.waiting, self.items), self.skills)))
        new = [np.zeros(size, np.float32) for size in self.sizes]
        table = terms.rules(0).tutor
        if "belief" in self.kept:
            new[self.kept.index("belief")][:] = table[:, PRIOR]
        self._constant("new", torch.from_numpy(np.concatenate([np.zeros(0, np.float32), *new])))
        self._constant("table", torch.tensor(table))

    @property
    def places(self) -> list[tuple[str, int]]:
        """Each kept feature and the number of its columns, in their order."""
        return list(zip(self.kept, self.sizes, strict=True))

    def _constant(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value, persistent=False)

    def forward(self, state: Tensor, event: Event, goal: Tensor) -> Remembered:
        """The record after an event, and after the days that have passed since it.

        `state [batch, width]`.  Of the event, `item` is -1 where nothing happened (then only days pass),
        `correct` is 1, 0, or -1 where nothing was asked; `taught` is True where the item was accepted;
        `past` where it happened before the lessons began, which counts as a warm-up.  An item that is not
        there counts as nothing, and days or minutes that are no number, or negative, as none.  `goal
        [batch, skills]`.
        """
        before = self._opened(state)
        some = (event.item >= 0) & (event.item < self.items)
        item = torch.where(some, event.item, 0)
        days = torch.where(event.days > 0, event.days, 0.0)
        values = self._values(before[:, HEAD:], some, item, event, days)
        counts = some & ~event.past
        minutes = torch.where(event.minutes > 0, event.minutes, 0.0)
        used = minutes if self.by_minutes else torch.ones_like(minutes)
        step = before[:, STEP] + counts.float()
        spent = before[:, SPENT] + torch.where(counts, used, 0.0)
        last = torch.where(some & event.taught, item.float() + 1.0, before[:, LAST])
        choice = torch.where(counts, item.float() + 1.0, before[:, CHOICE])
        unasked = torch.where(event.past, -1.0, 0.0)  # a past without an answer is told as a wrong one
        mark = torch.where(event.correct == 1, 1.0, torch.where(event.correct == 0, -1.0, unasked))
        answer = torch.where(some, mark, before[:, ANSWER])
        head = torch.stack([self.stamp.expand_as(step), step, spent, last, choice, answer], 1)
        after = torch.cat([head, before[:, KEY:HEAD], *values.values()], 1)
        seen = self._observation(values, goal, last, answer, spent)
        return Remembered(after, values, seen, step.long(), last.long() - 1, choice.long() - 1, answer)

    def open(self, values: dict[str, Tensor], offered: Tensor) -> Tensor:
        """The unlocked items among those `offered [batch, items]`."""
        if not self.unlock_after:
            return offered
        short = values["successes"] < self.unlock_after
        none = torch.zeros_like(short[:, :1])
        return offered & ~torch.cat([short, none], 1)[:, self.waits].any(2)

    def _opened(self, state: Tensor) -> Tensor:
        """The state, where a row of an unmet learner has its first values; the key is kept."""
        met = state[:, :1] == self.stamp
        fresh = torch.cat([torch.zeros(KEY), self.new])
        head = torch.where(met, state[:, :KEY], fresh[:KEY])
        kept = torch.where(met, state[:, HEAD:], fresh[KEY:])
        return torch.cat([head, state[:, KEY:HEAD], kept], 1)

    def _values(
        self, kept: Tensor, some: Tensor, item: Tensor, event: Event, days: Tensor
    ) -> dict[str, Tensor]:
        """Each kept feature after the event."""
        values = dict(zip(self.kept, torch.split(kept, self.sizes, 1), strict=True))
        of_skill = (self.needed[item][:, :, None] == torch.arange(self.skills)).any(1) & some[:, None]
        of_item = (item[:, None] == torch.arange(self.items)) & some[:, None]
        right, past = (event.correct == 1)[:, None], event.past[:, None]
        asked = (event.correct >= 0)[:, None] & ~past
        one = (of_skill & asked).float()
        if "attempts" in values:
            values["attempts"] = values["attempts"] + one
        if "successes" in values:
            values["successes"] = values["successes"] + one * right.float()
        if "streak" in values:
            run = right.float() * (values["streak"] + 1.0)
            values["streak"] = torch.where(of_skill & asked, run, values["streak"])
        if "warmup_right" in values:
            values["warmup_right"] = values["warmup_right"] + (of_skill & past & right).float()
        if "warmup_wrong" in values:
            values["warmup_wrong"] = values["warmup_wrong"] + (of_skill & past & ~right).float()
        if "belief" in values:
            values["belief"] = self._believe(values["belief"], of_skill, item, event)
        if "item_attempts" in values:
            values["item_attempts"] = values["item_attempts"] + (of_item & asked).float()
        for name, touched in (("days_since", of_skill), ("item_days_since", of_item)):
            if name in values:
                values[name] = torch.where(touched & ~past, 0.0, values[name]) + days[:, None]
        return values

    def _believe(self, belief: Tensor, of_skill: Tensor, item: Tensor, event: Event) -> Tensor:
        """`envs.belief.believe`, for all skills at once: `[batch, skills]` float32."""
        table, correct = self.table, event.correct[:, None]
        b = belief.double()
        right = correct == 1
        if_known = torch.where(right, table[:, RIGHT_IF_KNOWN], table[:, IF_KNOWN])
        if_unknown = torch.where(right, table[:, RIGHT_IF_UNKNOWN], table[:, IF_UNKNOWN])
        known = b * if_known
        by_answer = known / (known + (1.0 - b) * if_unknown + TINY)
        told = torch.where(correct >= 0, by_answer, b)
        if self.shared_blame and self.needed.shape[1] > 1:
            several = (self.needed[item][:, 1] < self.skills)[:, None]
            told = torch.where(several & (correct == 0), self._blamed(b, item), told)
        practised = told * (1.0 - table[:, FORGET]) + (1.0 - told) * table[:, LEARN]
        after = torch.where(event.taught[:, None], practised, told).clamp(max=CERTAIN).float()
        return torch.where(of_skill, after, belief)

    def _blamed(self, b: Tensor, item: Tensor) -> Tensor:
        """`envs.belief.after_wrong` of every skill; it is rounded there before the practice, as here."""
        p_known = self.table[:, RIGHT_IF_KNOWN]
        shown = b * p_known + (1.0 - b) * self.table[:, RIGHT_IF_UNKNOWN]
        factors = torch.cat([shown, torch.ones_like(shown[:, :1])], 1).gather(1, self.needed[item])
        p_item = factors[:, 0]
        for j in range(1, factors.shape[1]):
            p_item = p_item * factors[:, j]
        p_item = p_item[:, None]
        left = b * (1.0 - p_known * p_item / (shown + TINY)) / (1.0 - p_item + TINY)
        return left.clamp(0.0, 1.0).float().double()

    def _observation(
        self, values: dict[str, Tensor], goal: Tensor, last: Tensor, answer: Tensor, spent: Tensor
    ) -> Tensor:
        """The columns of the layout, `[batch, columns]`."""
        shown = dict(values)
        for name, counted in LOGS.items():
            if counted in values:
                shown[name] = _log(values[counted])
        if {"attempts", "successes"} <= set(values):
            shown["log_failures"] = _log(values["attempts"] - values["successes"])
        shown["goal"] = goal.float()
        shown["last_item"] = (torch.arange(self.items) == (last.long() - 1)[:, None]).float()
        shown["last_correct"] = answer[:, None]
        shown["budget_left"] = (1.0 - spent.double() / self.budget).clamp(min=0.0).float()[:, None]
        parts = [shown[name] for name in self.others]
        if self.of_skills:
            parts.insert(0, torch.stack([shown[name] for name in self.of_skills], 2).flatten(1))
        return torch.cat(parts, 1)


def _log(count: Tensor) -> Tensor:
    """ln(1 + n) as the table of `envs.terms.logs` has it."""
    return torch.log(1.0 + count.double()).float()


def padded(lists: Lists, filler: int) -> Ints:
    """Lists as a table `[rows, most]`, short rows filled up with `filler`; at least one column."""
    length = np.diff(lists.start)
    out = np.full((len(length), max(1, int(length.max(initial=0)))), filler, np.int64)
    out[np.arange(out.shape[1]) < length[:, None]] = lists.values
    return out


def refuse_terms(terms: Terms) -> None:
    """Refuse terms with a feature that only Python can keep."""
    shipped = {feature.name for feature in FEATURES}
    for record in terms.layout.records:
        if record.name in shipped:
            continue
        if record.name == "log_price":  # nobody names this feature
            told = "null for a tutor file, which hears of no prices (whole=false writes the network alone)"
            raise reject("task.price", terms.price, told)
        why = "the tutor's mind writes it" if record in BELIEFS else "a host does not tell the file of it"
        if record.update is not None:
            why = "its `update` is Python"
        raise reject("task.features", repr(record.name), f"without it for a tutor file, because {why}")
