"""The worth of an arm to a bandit, as torch graphs: `bandits.arms.Index` and `Evidence` together.

Sums run from left to right, as in the kernels, so that equal arms are equal here too.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from coursewright.agents.bandits import beta_thompson, thompson
from coursewright.agents.bandits.beta_thompson import ATTEMPTS, DRAWS
from coursewright.agents.bandits.discounted import FadingBound
from coursewright.agents.bandits.epsilon_greedy import MeanOrDraw
from coursewright.agents.bandits.exp3 import Exponential
from coursewright.agents.bandits.sliding_window import Window, WindowBound
from coursewright.agents.bandits.ucb import UpperBound
from coursewright.agents.export.drawing import first, last_reached, normals, uniform, uniforms
from coursewright.agents.export.paths import only
from coursewright.agents.export.sight import Sight

Tensors = list[Tensor]
Judged = tuple[Tensor, Tensors]  # an index [batch, skills], and the own memory after it


class Own(nn.Module, ABC):
    """The index of each arm, and a memory of rewards beside counts and sums, of `sizes` columns each."""

    def __init__(self, index: object, evidence: object, skills: int) -> None:
        super().__init__()
        self.sizes: tuple[int, ...] = ()
        self.begin: tuple[float, ...] = ()

    def learn(self, own: Tensors, pulled: Tensor, reward: Tensor) -> Tensors:
        """The memory after a `reward [batch, 1]` of the arm that is `pulled [batch, skills]`."""
        return own

    @abstractmethod
    def forward(self, seen: Sight, pulls: Tensor, total: Tensor, own: Tensors, arms: Tensor) -> Judged:
        """The index of the `arms`, float64 `[batch, skills]`."""


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
