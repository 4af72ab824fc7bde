"""Rules that remember nothing, as torch graphs: the same items from the same sight."""

import numpy as np
import torch
from torch import Tensor, nn

from coursewright.agents.export.drawing import first, one_of
from coursewright.agents.export.paths import Paths, among, following, lowest, only, product
from coursewright.agents.export.remembering import padded
from coursewright.agents.export.sight import Sight
from coursewright.agents.rules.expected_gain import ExpectedGainRule
from coursewright.agents.rules.in_order import Fallback, ItemRule, SkillRule
from coursewright.agents.rules.index import IndexRule
from coursewright.agents.rules.outer_fringe import OuterFringeRule
from coursewright.agents.rules.target_success import NearestChanceRule
from coursewright.envs.task import Task
from coursewright.errors import InputError


class AnyOne(nn.Module):
    """`AnyAllowed`."""

    def forward(self, seen: Sight) -> Tensor:
        """Items `[batch]`."""
        return one_of(seen.allowed, seen.key, seen.turn)


class InTurn(nn.Module):
    """`RoundRobinRule`."""

    def forward(self, seen: Sight) -> Tensor:
        """Items `[batch]`."""
        return following(seen.chosen, seen.allowed)


class FallingBack(nn.Module):
    """The part that mastery rules share: items to practise when nothing is left."""

    def __init__(self, task: Task, fallback: Fallback) -> None:
        super().__init__()
        self.paths, self.fallback = Paths(task.course), fallback

    def narrowed(self, seen: Sight, opened: Tensor) -> Tensor:
        """`in_order.fall_back`, from the `opened [batch, items]`."""
        if self.fallback == "lowest_belief":
            return only(lowest(self.paths.believed(seen.values["belief"]), opened), self.paths.items)
        if self.fallback == "round_robin":
            return only(following(seen.chosen, opened), self.paths.items)
        return opened


class BySkill(FallingBack):
    """`SkillRule`."""

    def __init__(self, rule: SkillRule, task: Task) -> None:
        super().__init__(task, rule.fallback)
        self.feature, self.level = rule.feature, rule.level
        self.strict, self.goal_first, self.shared = rule.strict, rule.goal_first, rule.shared
        self.order: Tensor
        self.register_buffer("order", torch.tensor(rule.order), persistent=False)

    def forward(self, seen: Sight) -> Tensor:
        """Items `[batch]`."""
        skill = self._skill(seen)
        some = (skill >= 0)[:, None]
        opened = self.paths.open(self.paths.toward(seen.goal), seen.allowed)
        its = seen.allowed & self.paths.of_skill(skill)
        return one_of((some & its) | (~some & self.narrowed(seen, opened)), seen.key, seen.turn)

    def _skill(self, seen: Sight) -> Tensor:
        """The first that is not done, `[batch]`; -1 where none is left."""
        level = torch.full_like(seen.key, 0, dtype=torch.float64) + self.level
        if self.shared:
            level = torch.ceil(level / seen.goal.sum(1).double().clamp(min=1.0))
        done = seen.values[self.feature] >= level.float()[:, None]
        left = ~done & self.paths.toward(seen.goal) & self.paths.offered(seen.allowed)
        before = left
        if self.goal_first:
            before = before & seen.goal
        if self.strict:
            before = before & among(done, self.paths.parents, True).all(2)
        sooner = before.any(1, keepdim=True)
        left = ((sooner & before) | (~sooner & left))[:, self.order]
        return torch.where(left.any(1), self.order[first(left)], -1)


class ByItem(FallingBack):
    """`ItemRule`."""

    def __init__(self, rule: ItemRule, task: Task) -> None:
        super().__init__(task, rule.fallback)
        self.level = float(np.float32(rule.level))

    def forward(self, seen: Sight) -> Tensor:
        """Items `[batch]`."""
        opened = self.paths.open(self.paths.toward(seen.goal), seen.allowed)
        mastery = self.paths.believed(seen.values["belief"])
        below = opened & (mastery < self.level)
        some = below.any(1, keepdim=True)
        best = only(lowest(mastery, below), self.paths.items)
        return one_of((some & best) | (~some & self.narrowed(seen, opened)), seen.key, seen.turn)


class MostWorth(nn.Module):
    """The part that expected gain and the index share: `expected_gain.most_worth`."""

    def __init__(self, rule: ExpectedGainRule | IndexRule, task: Task) -> None:
        super().__init__()
        self.paths = Paths(task.course)
        self.learn: Tensor
        self.register_buffer("learn", torch.tensor(rule.learn), persistent=False)

    def forward(self, seen: Sight) -> Tensor:
        """Items `[batch]`."""
        belief = seen.values["belief"].double()
        gain = (1.0 - belief) * self.learn
        direct = self._worth(gain, seen.goal, seen, self.alone(belief, gain))
        bearing = self.paths.toward(seen.goal)
        indirect = self._worth(gain, bearing, seen, None)
        promising = (direct[0].amax(1) > 0.0)[:, None]
        worth = torch.where(promising, direct[0], indirect[0])
        soon = torch.where(promising, direct[1], indirect[1])
        best = worth.amax(1, keepdim=True)
        ties = seen.allowed & (worth == best)
        surest = torch.where(ties, soon, -1.0)
        nothing = first(seen.allowed)
        return torch.where(best[:, 0] > 0.0, surest.argmax(1), nothing)

    def alone(self, belief: Tensor, gain: Tensor) -> Tensor:
        """The worth of an item that needs one goal skill, by skill: `[batch, skills]`."""
        return gain

    def _worth(
        self, gain: Tensor, counted: Tensor, seen: Sight, alone: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Worth and gain of each item, `[batch, items]`; 0 where it is not allowed."""
        parts = among(torch.where(counted, gain, 0.0), self.paths.needed, 0.0)
        soon = parts[..., 0]
        for place in range(1, parts.shape[-1]):
            soon = soon + parts[..., place]
        worth = soon
        if alone is not None:
            single = (self.paths.needed < self.paths.skills).sum(1) == 1
            worth = torch.where(single & (soon > 0.0), among(alone, self.paths.needed, 0.0)[..., 0], soon)
        return torch.where(seen.allowed, worth, 0.0), torch.where(seen.allowed, soon, 0.0)


class ByIndex(MostWorth):
    """`IndexRule`."""

    def __init__(self, rule: IndexRule, task: Task) -> None:
        super().__init__(rule, task)
        self.table: Tensor
        self.register_buffer("table", torch.tensor(rule.table), persistent=False)

    def alone(self, belief: Tensor, gain: Tensor) -> Tensor:
        """The index of each skill."""
        last = self.table.shape[1] - 1
        at = belief * last
        place = at.long().clamp(max=last - 1)
        skills = torch.arange(self.table.shape[0])
        low, high = self.table[skills, place], self.table[skills, place + 1]
        return low + (at - place.double()) * (high - low)


class NearestChance(nn.Module):
    """`NearestChanceRule` by the tutor's table."""

    def __init__(self, rule: NearestChanceRule, task: Task) -> None:
        super().__init__()
        if rule.by_mind:
            raise InputError(
                "policy = target_success: a tutor file knows the tutor's table, and no other model"
            )
        self.paths, self.target = Paths(task.course), rule.target
        self.chance = Chance(task)

    def forward(self, seen: Sight) -> Tensor:
        """Items `[batch]`."""
        opened = self.paths.open(self.paths.toward(seen.goal), seen.allowed)
        return lowest((self.chance(seen.values["belief"]) - self.target).abs(), opened)


class Chance(nn.Module):
    """P(correct) of each item by the tutor's table: a product over its skills."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        assert task.tutor is not None
        self.needed: Tensor
        self.guess: Tensor
        self.slip: Tensor
        self.register_buffer(
            "needed", torch.from_numpy(padded(task.course.needs, task.course.n_skills)), persistent=False
        )
        self.register_buffer("guess", torch.tensor(task.tutor.guess[0]), persistent=False)
        self.register_buffer("slip", torch.tensor(task.tutor.slip[0]), persistent=False)

    def forward(self, belief: Tensor) -> Tensor:
        """`belief [batch, skills]` to float64 `[batch, items]`."""
        known = belief.double()
        right = known * (1.0 - self.slip) + (1.0 - known) * self.guess
        return product(among(right, self.needed, 1.0))


class AtFringe(nn.Module):
    """`OuterFringeRule`."""

    def __init__(self, rule: OuterFringeRule, task: Task) -> None:
        super().__init__()
        self.paths, self.level = Paths(task.course), float(np.float32(rule.level))

    def forward(self, seen: Sight) -> Tensor:
        """Items `[batch]`."""
        mastered = seen.values["belief"] >= self.level
        fringe = ~mastered & among(mastered, self.paths.parents, True).all(2)
        beyond = ~mastered & ~fringe
        needed = self.paths.needed
        teaches = among(fringe, needed, False).any(2) & ~among(beyond, needed, False).any(2)
        opened = self.paths.open(self.paths.toward(seen.goal), seen.allowed)
        some = (opened & teaches).any(1, keepdim=True)
        return one_of((some & opened & teaches) | (~some & opened), seen.key, seen.turn)
