"""A policy with weights that all skills share, which serves a course of any size.

Each skill has a vector, made of its own features, and hears what its prerequisites and the skills that build
on it are like: the mean of their vectors, with other weights for each direction, added to its own and
brought to one scale (Vassoyan et al. 2024, jvasso/pretrain-rl-adaptive-learning, pass messages between
documents and keywords so).  A skill's score comes from its vector and from the mean and the largest
of all vectors; an item's is the mean of its skills' scores, and what its own features add.

Edges are lists, so memory and time grow as skills, edges and items do.  Relabelled skills give relabelled
scores.
"""

from collections.abc import Sequence
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from coursewright.agents.learning.network import Scaling, renew_optimizer
from coursewright.agents.on_course import BELIEF, FACTS, OnCourse, axis_of, on_course
from coursewright.envs.features import AS_IT_IS
from coursewright.envs.layout import Layout
from coursewright.envs.task import Task

DEGREES = 2  # inputs that tell how many skills a skill hangs on, and how many on it
FIRST_SCORES = 0.01  # scale of the last layer's weights: an untrained policy chooses nearly at random


def mean_at(values: torch.Tensor, source: torch.Tensor, target: torch.Tensor, rows: int) -> torch.Tensor:
    """`[rows, batch, units]`: at each target the mean of `values` at its sources; 0 where it has none."""
    sums = values.new_zeros((rows, *values.shape[1:])).index_add(0, target, values.index_select(0, source))
    return sums / counted(target, rows).clamp(min=1.0)[:, None, None]


def counted(target: torch.Tensor, rows: int) -> torch.Tensor:
    """The number of entries at each target, `[rows]`."""
    ones = torch.ones_like(target, dtype=torch.float32)
    return torch.zeros(rows, device=target.device).index_add(0, target, ones)


def scaling(layout: Layout, names: Sequence[str], more: int = 0) -> Scaling:
    """The scales of these features; `more` behind them stay as they are."""
    given = [layout.record(name).scale for name in names] + [AS_IT_IS] * more
    return Scaling(*([getattr(scale, part) for scale in given] for part in ("cap", "factor", "logged")))


Seen = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]  # of a `Graph`


class Messages(nn.Module):
    """A round of messages along prerequisites, both ways."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.hear = nn.Linear(3 * units, units)  # own, of prerequisites, of those that build on it
        self.norm = nn.LayerNorm(units)

    def forward(self, vectors: torch.Tensor, course: Any) -> torch.Tensor:
        """Vectors `[skills, batch, units]` to the next ones; the `course` is an `OnCourse` of tensors."""
        skills = vectors.shape[0]
        parents = mean_at(vectors, course.before, course.after, skills)
        children = mean_at(vectors, course.after, course.before, skills)
        heard = self.hear(torch.cat([vectors, parents, children], dim=2)).relu()
        after: torch.Tensor = self.norm(vectors + heard)
        return after


class Graph(nn.Module):
    """From an observation of any course to a vector a skill, and the context of them all.

    `more` columns of the observation a skill come behind those that are read, as they are.
    """

    def __init__(self, layout: Layout, reads: Sequence[str], units: int, rounds: int, more: int = 0) -> None:
        super().__init__()
        of_skills, of_items, shared = (axis_of(layout, axis, reads) for axis in ("skill", "item", "shared"))
        self.of_skills = scaling(layout, of_skills, more)
        self.of_items = scaling(layout, of_items)
        self.shared = scaling(layout, shared)
        self.believes = BELIEF in reads
        inputs = len(of_skills) + more + len(of_items) + FACTS * self.believes + DEGREES
        self.enter = nn.Linear(inputs, units)
        self.rounds = nn.ModuleList(Messages(units) for _ in range(rounds))
        self.context = 2 * units + len(shared)

    def forward(self, seen: torch.Tensor, course: Any) -> Seen:
        """From `seen [batch, columns]` to vectors `[skills, batch, units]` and the context `[batch, ...]`.

        Third come the features of items, `[items, batch, features]`; None where none is read.
        """
        skills, batch = course.skill_columns.shape[0], seen.shape[0]
        degree = torch.stack([counted(course.after, skills), counted(course.before, skills)], dim=1)
        constant = torch.cat([course.facts, degree.log1p()], dim=1) if self.believes else degree.log1p()
        inputs = [constant[:, None].expand(-1, batch, -1)]
        items = self.of_items(_table(seen, course.item_columns)) if self.of_items.features else None
        if self.of_skills.features:
            inputs.append(self.of_skills(_table(seen, course.skill_columns)))
        if items is not None:
            inputs.append(mean_at(items, course.item, course.skill, skills))
        vectors = self.enter(torch.cat(inputs, dim=2)).relu()
        for messages in self.rounds:
            vectors = messages(vectors, course)
        context = [vectors.mean(dim=0), vectors.amax(dim=0)]
        if self.shared.features:
            context.append(self.shared(seen.index_select(1, course.shared_columns)))
        return vectors, torch.cat(context, dim=1), items


def _table(seen: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Columns `[rows, features]` of `seen [batch, columns]` as `[rows, batch, features]`."""
    rows, features = columns.shape
    return seen.t().index_select(0, columns.flatten()).view(rows, features, seen.shape[0]).transpose(1, 2)


class Scorer(nn.Module):
    """From vectors, context and items' features to a score for every item."""

    def __init__(self, units: int, context: int, of_items: int) -> None:
        super().__init__()
        self.skill, self.situation = nn.Linear(units, units), nn.Linear(context, units, bias=False)
        self.score = nn.Linear(units, 1)
        ends = [self.score]
        self.item: nn.Sequential | None = None
        if of_items:
            ends.append(nn.Linear(units, 1, bias=False))
            self.item = nn.Sequential(nn.Linear(of_items, units), nn.ReLU(), ends[1])
        for last in ends:
            nn.init.orthogonal_(last.weight, gain=FIRST_SCORES)

    def forward(
        self, vectors: torch.Tensor, context: torch.Tensor, items: torch.Tensor | None, course: Any
    ) -> torch.Tensor:
        """Scores `[batch, items]`."""
        score = self.score((self.skill(vectors) + self.situation(context)).relu())
        of_items = mean_at(score, course.skill, course.item, course.item_columns.shape[0])
        if self.item is not None:
            of_items = of_items + self.item(items)
        return of_items[:, :, 0].t()


class Unread(BaseFeaturesExtractor):
    """Hands the observation on; nothing is built on its width, for `Heads` reads any."""

    def __init__(self, observation_space: spaces.Box) -> None:
        super().__init__(observation_space, 1)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """`[batch, columns]`, as it is."""
        return observations


class Heads(nn.Module):
    """Scores and value of an observation, in the place of Stable-Baselines3's hidden layers.

    The value comes from the context; with a `critic` from that of a graph of its own, which sees more.
    """

    def __init__(self, task: Task, reads: Sequence[str], units: int, rounds: int, privileged: bool) -> None:
        super().__init__()
        layout = task.layout
        self.graph = Graph(layout, reads, units, rounds)
        self.scorer = Scorer(units, self.graph.context, len(axis_of(layout, "item", reads)))
        self.critic = Graph(layout, reads, units, rounds, more=1) if privileged else None
        self.value = nn.Sequential(nn.Linear(self.graph.context, units), nn.ReLU(), nn.Linear(units, 1))
        self.names = OnCourse._fields
        for name, values in on_course(task, reads)._asdict().items():
            self.register_buffer(f"course_{name}", torch.tensor(values), persistent=False)

    @property
    def course(self) -> Any:
        """The course of the task that it was made for, as tensors."""
        return OnCourse(*(getattr(self, f"course_{name}") for name in self.names))

    def forward(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores `[batch, items]` and values `[batch, 1]`."""
        course = self.course
        vectors, context, items = self.graph(seen, course)
        scores = self.scorer(vectors, context, items, course)
        return scores, self.value(context if self.critic is None else self._true_context(seen))

    def forward_actor(self, seen: torch.Tensor, *course: torch.Tensor) -> torch.Tensor:
        """Scores `[batch, items]`, on the course of its task or on another."""
        on = OnCourse._make(course) if course else self.course
        scores: torch.Tensor = self.scorer(*self.graph(seen, on), on)
        return scores

    def forward_critic(self, seen: torch.Tensor) -> torch.Tensor:
        """Values `[batch, 1]`."""
        context = self.graph(seen, self.course)[1] if self.critic is None else self._true_context(seen)
        values: torch.Tensor = self.value(context)
        return values

    def _true_context(self, seen: torch.Tensor) -> torch.Tensor:
        """Of the critic's own graph, which sees the true mastery: the last columns (`vec_env.BESIDE`)."""
        course, skills = self.course, self.course.skill_columns.shape[0]
        true = torch.arange(seen.shape[1] - skills, seen.shape[1], device=seen.device)
        wider = course._replace(skill_columns=torch.cat([course.skill_columns, true[:, None]], dim=1))
        assert self.critic is not None
        context: torch.Tensor = self.critic(seen, wider)[1]
        return context


class Choosing(nn.Module):
    """The part that chooses: observations, and a course where it is another, to scores."""

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.heads = policy.mlp_extractor

    def forward(self, features: torch.Tensor, *course: torch.Tensor) -> torch.Tensor:
        """`[batch, columns]` to scores `[batch, items]`."""
        scores: torch.Tensor = self.heads.forward_actor(features, *course)
        return scores


def put_into(model: Any, heads: Heads) -> None:
    """Let an untrained actor-critic model, which has no layers of its own yet, choose by `heads`."""
    policy = model.policy
    policy.mlp_extractor = heads
    policy.action_net, policy.value_net = nn.Identity(), nn.Identity()
    policy.to(model.device)
    renew_optimizer(model)
