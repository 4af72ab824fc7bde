"""Rules that remember, as torch graphs: a sight and a memory to an item and the memory after it.

A memory is one row of float32 a learner; a float64 stands there as three numbers whose sum it is.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from coursewright.agents.bandits.zpdes import (
    ACTIVE,
    DONE,
    DONE_ABOVE,
    EXPLORATION,
    FIRST_WEIGHT,
    LATER,
    NEW,
    OLD,
    OPENS_ABOVE,
    RECENT,
    WINDOW,
    ZpdesRule,
)
from coursewright.agents.export.drawing import first, one_of, uniform
from coursewright.agents.export.paths import Paths, only
from coursewright.agents.export.sight import Sight
from coursewright.agents.schedulers.leitner import LeitnerRule
from coursewright.envs.task import Task

BOXES = 256  # of Leitner's endless queue; an item that has gone further counts as in the last
FAR = 1 << 62
PARTS = 3  # of a float64


def parted(value: Tensor) -> list[Tensor]:
    """A float64 as three float32, whose sum it is."""
    parts = []
    for _ in range(PARTS):
        parts.append(value.float())
        value = torch.where(parts[-1].isinf(), 0.0, value - parts[-1].double())
    return parts


def joined(parts: list[Tensor]) -> Tensor:
    """The float64 of its three parts, the smallest added first."""
    return (parts[2].double() + parts[1].double()) + parts[0].double()


class Leitner(nn.Module):
    """`LeitnerRule`: the box of each item, and the turn at which it came there."""

    def __init__(self, rule: LeitnerRule, task: Task) -> None:
        super().__init__()
        self.items, self.arrival = task.course.n_items, rule.arrival
        self.memory = (("box", self.items, 1), ("since", self.items, 1))
        self.start: Tensor
        self.share: Tensor
        self.register_buffer("start", torch.zeros(2 * self.items), persistent=False)
        shares = torch.tensor([0.0] + [1.0 / math.sqrt(k) for k in range(1, BOXES)], dtype=torch.float64)
        self.register_buffer("share", shares, persistent=False)

    def forward(self, seen: Sight, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Items `[batch]`, and the memory after them."""
        box, since = self._moved(seen, *torch.split(memory, self.items, 1))
        oldest = self._oldest(seen.allowed, box.long().clamp(max=BOXES - 1), since.long())
        there = oldest < FAR
        share = torch.where(there, self.share, 0.0).cumsum(1)
        total = share[:, -1]
        beyond = there & (share > (uniform(seen.key, seen.turn, 1) * total)[:, None])
        fullest = BOXES - 1 - first(there.flip(1))
        drawn = torch.where(beyond.any(1), first(beyond), fullest)
        new = there[:, 0] & ((total == 0.0) | (uniform(seen.key, seen.turn) < self.arrival))
        of = torch.where(new, 0, drawn)
        key = oldest.gather(1, of[:, None])[:, 0]
        return torch.where(key < FAR, key % self.items, 0), torch.cat([box, since], 1)

    def _moved(self, seen: Sight, box: Tensor, since: Tensor) -> tuple[Tensor, Tensor]:
        last = only(seen.chosen, self.items)
        asked, right = seen.asked[:, None], seen.right[:, None]
        moved = torch.where(right, box + 1.0, (box - 1.0).clamp(min=1.0))
        turn = seen.turn.float()[:, None]
        return torch.where(last & asked, moved, box), torch.where(last, turn, since)

    def _oldest(self, allowed: Tensor, box: Tensor, since: Tensor) -> Tensor:
        """The allowed item that has been in each box longest, `[batch, boxes]`, as since * items + item."""
        key = torch.where(allowed, since * self.items + torch.arange(self.items), FAR)
        none = torch.full_like(key[:, :1], FAR).expand(-1, BOXES)
        return none.scatter_reduce(1, box, key, "amin")


class Zpdes(nn.Module):
    """`ZpdesRule`: the skill drawn last, and of each skill the answers, their number, weight and stage."""

    def __init__(self, rule: ZpdesRule, task: Task) -> None:
        super().__init__()
        self.paths, self.at_first = Paths(task.course), rule.active
        skills = self.skills = task.course.n_skills
        self.start: Tensor
        self.order: Tensor
        self.rank: Tensor
        order = task.course.order.copy()
        self.register_buffer("start", torch.zeros(1 + (3 + PARTS) * skills), persistent=False)
        self.register_buffer("order", torch.tensor(order), persistent=False)
        self.register_buffer("rank", torch.tensor(np.argsort(order)), persistent=False)

    def forward(self, seen: Sight, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Items `[batch]`, and the memory after them."""
        arm = memory[:, 0].long() - 1
        answers, tries, stage, *parts = torch.split(memory[:, 1:], self.skills, 1)
        answers, tries, stage, weight = answers.long(), tries.long(), stage.long(), joined(parts)
        answers, tries, weight = self._credited(seen, arm, answers, tries, weight)
        toward = self.paths.toward(seen.goal)
        stage, weight = self._moved(arm, answers, tries, stage, weight, toward)
        arm, stage, weight = self._pulled(seen, stage, weight, toward)
        some = (arm >= 0)[:, None]
        its = seen.allowed & self.paths.of_skill(arm)
        item = one_of((some & its) | (~some & self.paths.open(toward, seen.allowed)), seen.key, seen.turn, 1)
        kept = [answers, tries, stage, *parted(weight)]
        return item, torch.cat([(arm + 1)[:, None].float(), *(part.float() for part in kept)], 1)

    def _credited(
        self, seen: Sight, arm: Tensor, answers: Tensor, tries: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Answers, tries and weight with the answer to the last choice."""
        its = only(arm, self.skills) & seen.asked[:, None]
        told = (answers * 2 + seen.right.long()[:, None]) % (1 << WINDOW)
        counted = tries + 1
        size = counted.clamp(max=WINDOW)
        late = size // 2
        progress = _rate(told, torch.zeros_like(late), late) - _rate(told, late, size - late)
        reward = torch.where(counted < 3, weight, progress.clamp(min=0.0))
        credited = OLD * weight + NEW * reward
        return (
            torch.where(its, told, answers),
            torch.where(its, counted, tries),
            torch.where(its, credited, weight),
        )

    def _moved(
        self, arm: Tensor, answers: Tensor, tries: Tensor, stage: Tensor, weight: Tensor, toward: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Stages and weights after the zone has moved."""
        zero = torch.zeros_like(tries)
        active = stage == ACTIVE
        recent = torch.where(tries >= 2, _rate(answers, zero, tries.clamp(min=1, max=RECENT)), 0.0)
        success = torch.where(active, recent, 0.0).cumsum(1)[:, -1]
        well = (arm >= 0) & (success > OPENS_ABOVE * active.sum(1).double())
        missing = torch.where((stage != LATER).any(1), 0, self.at_first)
        missing = torch.where(well, 1, missing)[:, None]
        waiting = ((stage == LATER) & toward)[:, self.order]
        opens = (waiting & (waiting.long().cumsum(1) <= missing))[:, self.rank]
        stage, weight = _activated(opens, stage, weight)
        active = stage == ACTIVE
        rate = torch.where(active & (tries >= WINDOW), _rate(answers, zero, zero + WINDOW), 0.0)
        best = self.order[rate[:, self.order].argmax(1)]
        ends = (arm >= 0) & (rate.amax(1) > DONE_ABOVE) & (active.sum(1) > 1)
        return torch.where(only(best, self.skills) & ends[:, None], DONE, stage), weight

    def _pulled(
        self, seen: Sight, stage: Tensor, weight: Tensor, toward: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The skill drawn (-1: none), stages and weights."""
        offered = self.paths.offered(seen.allowed)
        arms = (stage == ACTIVE) & offered
        total = torch.where(arms, weight, 0.0).cumsum(1)[:, -1:]
        many = arms.sum(1, keepdim=True).double()
        some = total > 0.0
        mass = torch.where(some, total * (1.0 + EXPLORATION * many), many)
        each = torch.where(arms, torch.where(some, weight + EXPLORATION * total, 1.0), 0.0)
        before = each.cumsum(1) - each
        reached = arms & (before <= uniform(seen.key, seen.turn)[:, None] * mass)
        drawn = self.skills - 1 - first(reached.flip(1))
        waiting = ((stage == LATER) & offered & toward)[:, self.order]
        next_one = self.order[first(waiting)]
        none = ~arms.any(1)
        starts = none & waiting.any(1)
        stage, weight = _activated(only(next_one, self.skills) & starts[:, None], stage, weight)
        return torch.where(none, torch.where(starts, next_one, -1), drawn), stage, weight


def _activated(opens: Tensor, stage: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Stages and weights where these skills become active, with the lowest weight of those that are."""
    lowest = torch.where(stage == ACTIVE, weight, torch.inf).amin(1, keepdim=True)
    lowest = torch.where(lowest < torch.inf, lowest, FIRST_WEIGHT)
    return torch.where(opens, ACTIVE, stage), torch.where(opens, lowest, weight)


def _rate(answers: Tensor, skipped: Tensor, size: Tensor) -> Tensor:
    """`zpdes.rate`: the mean of `size` answers, leaving out the `skipped` newest."""
    place = torch.arange(WINDOW)
    bits = torch.div(answers[..., None], 2**place, rounding_mode="floor") % 2
    counted = (place >= skipped[..., None]) & (place < (skipped + size)[..., None])
    return (bits * counted).sum(-1).double() / size.clamp(min=1).double()
