"""Bandits over skills or items, as torch graphs: `bandits.arms.BanditRule` and its kin.

A float64 of a bandit's memory stands there as three numbers whose sum it is.
"""

import numpy as np
import torch
from torch import Tensor, nn

from coursewright.agents.bandits.arms import BanditRule
from coursewright.agents.bandits.linear import LinearRule
from coursewright.agents.bandits.riarit import RATE, RiaritRule
from coursewright.agents.bandits.zpdes import EXPLORATION, FIRST_WEIGHT, NEW, OLD
from coursewright.agents.export.drawing import last_reached, one_of, uniform
from coursewright.agents.export.mindful import PARTS, joined, parted
from coursewright.agents.export.paths import Paths, only
from coursewright.agents.export.remembering import padded
from coursewright.agents.export.sight import Sight
from coursewright.agents.export.worths import DRAWN, OWN, Tensors
from coursewright.envs.task import Task
from coursewright.errors import InputError

REMEMBERED = 6  # answers on a skill


class Pulling(nn.Module):
    """`BanditRule`: the arm pulled last + 1, answers, pulls, rewards by skill, and what its index keeps."""

    def __init__(self, rule: BanditRule, task: Task) -> None:
        super().__init__()
        self.paths, self.skills = Paths(task.course), task.course.n_skills
        skills, make = self.skills, OWN.get(type(rule.index)) or DRAWN.get(rule.index)
        if make is None:
            raise InputError(
                f"policy = {type(rule.index).__name__}: this bandit cannot be written as a tutor file"
            )
        self.own = make(rule.index, rule.evidence, skills)
        parts = [torch.zeros(1 + (2 + PARTS) * skills)]
        for size, value in zip(self.own.sizes, self.own.begin, strict=True):
            parts += parted(torch.full((size,), value, dtype=torch.float64))
        self.start: Tensor
        self.order: Tensor
        self.register_buffer("start", torch.cat(parts), persistent=False)
        self.register_buffer("order", torch.tensor(task.course.order.copy()), persistent=False)

    def forward(self, seen: Sight, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Items `[batch]`, and the memory after them."""
        skills = self.skills
        arm = memory[:, 0].long() - 1
        answers, pulls, *rest = torch.split(memory[:, 1 : 1 + (2 + PARTS) * skills], skills, 1)
        total, own = joined(rest), self._own(memory[:, 1 + (2 + PARTS) * skills :])
        pulled = only(arm, skills) & seen.asked[:, None]
        answers, pulls = answers.long(), pulls.double()
        told = (answers * 2 + seen.right.long()[:, None]) % (1 << REMEMBERED)
        answers = torch.where(pulled, told, answers)
        pulls = torch.where(pulled, pulls + 1.0, pulls)
        reward = torch.where(pulled & (pulls >= 2.0), progress(answers), 0.0)
        total = torch.where(pulled, total + reward, total)
        own = self.own.learn(own, pulled, reward.gather(1, arm.clamp(min=0)[:, None]))
        arms = open_arms(self.paths, seen)
        index, own = self.own(seen, pulls, total, own, arms)
        arm = best_arm(index, arms, self.order)
        kept = [answers.float(), pulls.float(), *parted(total)]
        for value in own:
            kept += parted(value)
        return asked_of(self.paths, seen, arm), torch.cat([(arm + 1)[:, None].float(), *kept], 1)

    def _own(self, memory: Tensor) -> Tensors:
        own, begin = [], 0
        for size in self.own.sizes:
            part = memory[:, begin : begin + PARTS * size]
            own.append(joined(list(torch.split(part, size, 1))))
            begin += PARTS * size
        return own


class Linear(nn.Module):
    """`LinearRule` that has been trained."""

    def __init__(self, rule: LinearRule, task: Task) -> None:
        super().__init__()
        layout = task.layout
        self.paths, self.stride, self.shared = Paths(task.course), layout.stride, layout.shared
        self.skills = task.course.n_skills
        places = (*range(self.stride), *range(layout.shared, layout.width))
        scales = [layout.record(layout.names[k].partition("[")[0]).scale for k in places]
        self.order: Tensor
        self.theta: Tensor
        self.cap: Tensor
        self.factor: Tensor
        self.logged: Tensor
        for name, value in (
            ("order", torch.tensor(task.course.order.copy())),
            ("theta", torch.tensor(rule.model.theta)),
            ("cap", torch.tensor([scale.cap for scale in scales], dtype=torch.float64)),
            ("factor", torch.tensor([scale.factor for scale in scales], dtype=torch.float64)),
            ("logged", torch.tensor([scale.logged for scale in scales])),
        ):
            self.register_buffer(name, value, persistent=False)

    def forward(self, seen: Sight) -> Tensor:
        """Items `[batch]`."""
        given = seen.observation.double()
        own = given[:, : self.skills * self.stride].reshape(-1, self.skills, self.stride)
        shared = given[:, None, self.shared :].expand(-1, self.skills, -1)
        x = torch.cat([own, shared], 2)
        logged = torch.log(1.0 + torch.where(self.logged, x, 0.0))
        x = torch.where(self.logged, logged, torch.minimum(x, self.cap) * self.factor)
        score = self.theta[:, 0] + (x * self.theta[:, 1:]).sum(2)
        arm = best_arm(score, open_arms(self.paths, seen), self.order)
        return asked_of(self.paths, seen, arm)


class Riarit(nn.Module):
    """`RiaritRule`: levels by skill, and weights by item."""

    def __init__(self, rule: RiaritRule, task: Task) -> None:
        super().__init__()
        course = task.course
        self.paths, self.skills, self.items = Paths(course), course.n_skills, course.n_items
        weights = torch.full((self.items,), FIRST_WEIGHT, dtype=torch.float64)
        self.start: Tensor
        self.asks: Tensor
        self.needed: Tensor
        needed = padded(course.needed, self.skills)
        asks = np.zeros(needed.shape)
        asks[needed < self.skills] = rule.asks
        self.register_buffer(
            "start", torch.cat([torch.zeros(PARTS * self.skills), *parted(weights)]), persistent=False
        )
        self.register_buffer("needed", torch.from_numpy(needed), persistent=False)
        self.register_buffer("asks", torch.tensor(asks), persistent=False)

    def forward(self, seen: Sight, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Items `[batch]`, and the memory after them."""
        levels, weights = torch.split(memory, [PARTS * self.skills, PARTS * self.items], 1)
        level = joined(list(torch.split(levels, self.skills, 1)))
        weight = joined(list(torch.split(weights, self.items, 1)))
        level, weight = self._learned(seen, level, weight)
        opened = self.paths.open(self.paths.toward(seen.goal), seen.allowed)
        total = torch.where(opened, weight, 0.0).cumsum(1)[:, -1:]
        many = opened.sum(1, keepdim=True).double()
        some = total > 0.0
        share = (weight / torch.where(some, total, 1.0) + EXPLORATION) / (1.0 + EXPLORATION * many)
        p = torch.where(opened, torch.where(some, share, 1.0 / many.clamp(min=1.0)), 0.0)
        item = last_reached(uniform(seen.key, seen.turn), p, opened)
        return item, torch.cat([*parted(level), *parted(weight)], 1)

    def _learned(self, seen: Sight, level: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Levels and weights after the answer to the last choice."""
        item = seen.chosen.clamp(min=0)
        skills, asks = self.needed[item], self.asks[item]
        asked, right = seen.asked[:, None], seen.right[:, None]
        total = torch.zeros_like(level[:, :1])
        for j in range(self.needed.shape[1]):
            its = only(skills[:, j], self.skills)
            there = skills[:, j : j + 1] < self.skills
            mine = among_one(level, skills[:, j : j + 1])
            above = asks[:, j : j + 1] - mine
            says = asked & there & ((right & (above > 0.0)) | (~right & (above < 0.0)))
            total = torch.where(says, total + above, total)
            level = torch.where(its & says, mine + RATE * above, level)
        mean = total / (skills < self.skills).sum(1, keepdim=True).double()
        last = only(seen.chosen, self.items) & asked
        return level, torch.where(last, OLD * weight + NEW * mean.clamp(min=0.0), weight)


def among_one(values: Tensor, place: Tensor) -> Tensor:
    """`values [batch, n]` at each row's `place [batch, 1]`; 0 one past the end."""
    return torch.cat([values, torch.zeros_like(values[:, :1])], 1).gather(1, place)


def progress(answers: Tensor) -> Tensor:
    """`arms.progress`, from the last six answers as bits."""
    bits = torch.div(answers[..., None], 2 ** torch.arange(REMEMBERED), rounding_mode="floor") % 2
    half = REMEMBERED // 2
    return (bits[..., :half].sum(-1) - bits[..., half:].sum(-1)).double() / 3.0


def open_arms(paths: Paths, seen: Sight) -> Tensor:
    """`arms.open_arms`, `[batch, skills]`."""
    offered = paths.offered(seen.allowed)
    arms = paths.toward(seen.goal) & offered
    none = ~arms.any(1, keepdim=True)
    return arms | (none & offered)


def best_arm(index: Tensor, arms: Tensor, order: Tensor) -> Tensor:
    """`arms.best_arm`, `[batch]`; -1 where there is none."""
    best = torch.where(arms, index, -torch.inf)[:, order].argmax(1)
    return torch.where(arms.any(1), order[best], -1)


def asked_of(paths: Paths, seen: Sight, arm: Tensor) -> Tensor:
    """One of the allowed items of each row's arm; the first item where there is none."""
    its = seen.allowed & paths.of_skill(arm)
    return one_of(its & (arm >= 0)[:, None], seen.key, seen.turn, 2 * paths.skills)
