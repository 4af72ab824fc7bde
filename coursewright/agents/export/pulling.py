"""Bandits over skills or items, as torch graphs: `bandits.arms.BanditRule` and its kin.

A float64 of a bandit's memory stands there as three numbers whose sum it is.  Sums run from left to right, as
in the kernels, so that equal arms are equal here too.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from coursewright.agents.bandits import beta_thompson, thompson
from coursewright.agents.bandits.arms import BanditRule
from coursewright.agents.bandits.beta_thompson import ATTEMPTS, DRAWS
from coursewright.agents.bandits.discounted import FadingBound
from coursewright.agents.bandits.epsilon_greedy import MeanOrDraw
from coursewright.agents.bandits.exp3 import Exponential
from coursewright.agents.bandits.linear import LinearRule
from coursewright.agents.bandits.riarit import RATE, RiaritRule
from coursewright.agents.bandits.sliding_window import Window, WindowBound
from coursewright.agents.bandits.ucb import UpperBound
from coursewright.agents.bandits.zpdes import EXPLORATION, FIRST_WEIGHT, NEW, OLD
from coursewright.agents.export.drawing import first, normals, one_of, uniform, uniforms
from coursewright.agents.export.mindful import PARTS, joined, parted
from coursewright.agents.export.paths import Paths, only
from coursewright.agents.export.remembering import padded
from coursewright.agents.export.sight import Sight
from coursewright.envs.task import Task
from coursewright.errors import InputError

REMEMBERED = 6  # answers on a skill
Tensors = list[Tensor]
Judged = tuple[Tensor, Tensors]  # an index [batch, skills], and the own memory after it


class Own(nn.Module):
    """The index of each arm, and a memory of rewards beside counts and sums, of `sizes` columns each."""

    def __init__(self, index: object, evidence: object, skills: int) -> None:
        super().__init__()
        self.sizes: tuple[int, ...] = ()
        self.begin: tuple[float, ...] = ()

    def learn(self, own: Tensors, pulled: Tensor, reward: Tensor) -> Tensors:
        """The memory after a `reward [batch, 1]` of the arm that is `pulled [batch, skills]`."""
        return own

    def forward(self, seen: Sight, pulls: Tensor, total: Tensor, own: Tensors, arms: Tensor) -> Judged:
        """The index of the `arms`, float64 `[batch, skills]`."""
        raise NotImplementedError


class Bound(Own):
    """`ucb.UpperBound`."""

    def __init__(self, index: UpperBound, evidence: object, skills: int) -> None:
        super().__init__(index, evidence, skills)
        self.c = index.c

    def forward(self, seen: Sight, pulls: Tensor, total: Tensor, own: Tensors, arms: Tensor) -> Judged:
        """See `Own`."""
        many = pulls.cumsum(1)[:, -1:]
        bonus = self.c * torch.sqrt(2.0 * torch.log(many.clamp(min=1.0)) / pulls.clamp(min=1.0))
        return torch.where(pulls > 0.0, total / pulls.clamp(min=1.0) + bonus, torch.inf), own


class Greedy(Own):
    """`epsilon_greedy.MeanOrDraw`."""

    def __init__(self, index: MeanOrDraw, evidence: object, skills: int) -> None:
        super().__init__(index, evidence, skills)
        self.epsilon, self.draws = index.epsilon, [1 + k for k in range(skills)]

    def forward(self, seen: Sight, pulls: Tensor, total: Tensor, own: Tensors, arms: Tensor) -> Judged:
        """See `Own`."""
        explores = (uniform(seen.key, seen.turn) < self.epsilon)[:, None]
        mean = torch.where(pulls > 0.0, total / pulls.clamp(min=1.0), torch.inf)
        return torch.where(explores, uniforms(seen.key, seen.turn, torch.tensor(self.draws)), mean), own


class Posterior(Own):
    """`thompson.posterior_draws`."""

    def __init__(self, index: object, evidence: object, skills: int) -> None:
        super().__init__(index, evidence, skills)
        self.draws = [2 * k for k in range(skills)]

    def forward(self, seen: Sight, pulls: Tensor, total: Tensor, own: Tensors, arms: Tensor) -> Judged:
        """See `Own`."""
        noise = thompson.NOISE**2
        precision = 1.0 + pulls / noise
        draw = normals(seen.key, seen.turn, torch.tensor(self.draws))
        return total / noise / precision + draw / torch.sqrt(precision), own


class BetaPosterior(Own):
    """`beta_thompson.posterior_draws`: all attempts of a draw at once, of which the first taken counts."""

    def __init__(self, index: object, evidence: object, skills: int) -> None:
        super().__init__(index, evidence, skills)
        self.draws = (DRAWS * torch.arange(skills))[:, None] + 2 * torch.arange(ATTEMPTS)
        self.skills = skills

    def forward(self, seen: Sight, pulls: Tensor, total: Tensor, own: Tensors, arms: Tensor) -> Judged:
        """See `Own`."""
        a = (1.0 + 0.5 * (pulls + total).clamp(min=0.0))[:, :, None]
        b = (1.0 + 0.5 * (pulls - total).clamp(min=0.0))[:, :, None]
        places = self.draws.flatten()
        u = uniforms(seen.key, seen.turn, places).reshape(-1, self.skills, ATTEMPTS)
        other = uniforms(seen.key, seen.turn, places + 1).reshape(-1, self.skills, ATTEMPTS)
        low, high, both = torch.minimum(a, b), torch.maximum(a, b), a + b
        even = (a == 1.0) & (b == 1.0)
        slope = torch.sqrt((both - 2.0) / torch.where(even, 1.0, 2.0 * a * b - both))
        slope = torch.where(even, 1.0, slope)
        v = slope * torch.log(u / (1.0 - u))
        w = low * torch.exp(v)
        r = (low + 1.0 / slope) * v - math.log(4.0)
        taken = r + both * torch.log(both / (high + w)) >= torch.log(u * u * other)
        last = torch.arange(ATTEMPTS) == ATTEMPTS - 1
        at = (taken | last).to(torch.uint8).argmax(2, keepdim=True)
        w = w.gather(2, at)
        drawn = torch.where(a == low, w / (high + w), high / (high + w))
        return torch.where(even, u[:, :, :1], drawn)[:, :, 0], own


class Faded(Own):
    """`discounted.FadingBound` and its fading evidence."""

    def __init__(self, index: FadingBound, evidence: object, skills: int) -> None:
        super().__init__(index, evidence, skills)
        self.c, self.gamma = index.c, float(getattr(evidence, "gamma", 1.0))
        self.sizes, self.begin = (skills, skills), (0.0, 0.0)

    def learn(self, own: Tensors, pulled: Tensor, reward: Tensor) -> Tensors:
        """See `Own`."""
        some = pulled.any(1, keepdim=True)
        kept = [torch.where(some, part * self.gamma, part) for part in own]
        pulls, paid = kept
        return [torch.where(pulled, pulls + 1.0, pulls), torch.where(pulled, paid + reward, paid)]

    def forward(self, seen: Sight, pulls: Tensor, total: Tensor, own: Tensors, arms: Tensor) -> Judged:
        """See `Own`."""
        faded, paid = own
        there = (pulls > 0.0) & (faded > 0.0)
        safe = torch.where(there, faded, 1.0)
        many = torch.log(faded.cumsum(1)[:, -1:].clamp(min=1e-300)).clamp(min=0.0)
        return torch.where(there, paid / safe + self.c * torch.sqrt(many / safe), torch.inf), own


class Windowed(Own):
    """`sliding_window.WindowBound` and its window: the arms (+ 1) and rewards of the last pulls."""

    def __init__(self, index: WindowBound, evidence: Window, skills: int) -> None:
        super().__init__(index, evidence, skills)
        self.c, self.size, self.skills = index.c, evidence.size, skills
        self.sizes, self.begin = (self.size, self.size, 1), (0.0, 0.0, 0.0)

    def learn(self, own: Tensors, pulled: Tensor, reward: Tensor) -> Tensors:
        """See `Own`."""
        arm, paid, t = own
        some = pulled.any(1, keepdim=True)
        here = (torch.arange(self.size) == t.long() % self.size) & some
        which = (first(pulled) + 1)[:, None].double()
        return [torch.where(here, which, arm), torch.where(here, reward, paid), t + some.double()]

    def forward(self, seen: Sight, pulls: Tensor, total: Tensor, own: Tensors, arms: Tensor) -> Judged:
        """See `Own`."""
        arm, paid, t = own
        its = arm.long()[:, :, None] == 1 + torch.arange(self.skills)
        mine = its.sum(1).double()
        summed = torch.where(its, paid[:, :, None], 0.0).cumsum(1)[:, -1]
        safe, late = mine.clamp(min=1.0), torch.log(t.clamp(1.0, float(self.size)))
        return torch.where(mine > 0.0, summed / safe + self.c * torch.sqrt(late / safe), torch.inf), own


class Exponent(Own):
    """`exp3.Exponential`: ln w, and the last pull's chance times the number of arms."""

    def __init__(self, index: Exponential, evidence: object, skills: int) -> None:
        super().__init__(index, evidence, skills)
        self.gamma, self.skills = index.gamma, skills
        self.sizes, self.begin = (skills, 1), (0.0, 1.0)

    def learn(self, own: Tensors, pulled: Tensor, reward: Tensor) -> Tensors:
        """See `Own`."""
        log, pk = own
        return [torch.where(pulled, log + self.gamma * 0.5 * (1.0 + reward) / pk, log), pk]

    def forward(self, seen: Sight, pulls: Tensor, total: Tensor, own: Tensors, arms: Tensor) -> Judged:
        """See `Own`."""
        log, pk = own
        most = torch.where(arms, log, -torch.inf).amax(1, keepdim=True)
        weight = torch.where(arms, torch.exp(torch.where(arms, log - most, 0.0)), 0.0)
        many = arms.sum(1, keepdim=True).double()
        share = (1.0 - self.gamma) * weight / weight.cumsum(1)[:, -1:].clamp(min=1e-300)
        p = torch.where(arms, share + self.gamma / many.clamp(min=1.0), 0.0)
        drawn = only(last_reached(uniform(seen.key, seen.turn), p, arms), self.skills)
        pk = torch.where(
            arms.any(1, keepdim=True), (torch.where(drawn, p, 0.0).amax(1, keepdim=True)) * many, pk
        )
        return (drawn & arms).double(), [log, pk]


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


def last_reached(u: Tensor, p: Tensor, arms: Tensor) -> Tensor:
    """The arm `[batch]` that a draw u falls on, with chances `p [batch, arms]`; 0 where there is none."""
    left = torch.cat([u[:, None], -p], 1).cumsum(1)[:, :-1]
    reached = arms & (left >= 0.0)
    at = reached.shape[1] - 1 - first(reached.flip(1))
    return torch.where(reached.any(1), at, 0)


OWN: dict[type, Callable[..., Own]] = {
    UpperBound: Bound,
    MeanOrDraw: Greedy,
    FadingBound: Faded,
    WindowBound: Windowed,
    Exponential: Exponent,
}
DRAWN: dict[object, Callable[..., Own]] = {
    thompson.posterior_draws: Posterior,
    beta_thompson.posterior_draws: BetaPosterior,
}
