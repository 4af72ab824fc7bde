"""The input of a network: some of the observation's columns, by feature name, brought to one scale.

Feature choice decides results: on the KSS task raw counts with the warm-up mixed in gave .873, logs
with the warm-up apart .913 to .930.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from coursewright.envs.features import Scale
from coursewright.envs.layout import Layout
from coursewright.errors import reject

PREFERRED = (
    "goal",
    "last_item",
    "log_warmup_right",
    "log_warmup_wrong",
    "log_successes",
    "log_failures",
    "streak",
    "budget_left",
    "days_since",
    "item_attempts",
    "item_days_since",
    "log_price",
)
INSTEAD = {"log_failures": "log_attempts", "log_successes": "belief"}


def default_features(layout: Layout) -> tuple[str, ...]:
    """The preferred features that the task offers, each with its stand-in where it is missing.

    Then those from outside the package.  Where the task has none of them, everything that it has.
    """
    present = (name if name in layout.features else INSTEAD.get(name, name) for name in PREFERRED)
    chosen = tuple(name for name in present if name in layout.features)
    own = tuple(record.name for record in layout.records if record.update is not None)
    return chosen + own or layout.features


def reading(layout: Layout, features: Sequence[str] | None) -> dict[str, list[Any]]:
    """The arguments of `Reading` for these features (None: the default ones), one entry a column.

    Raises `InputError` for an empty list or a feature that the task does not offer.
    """
    if features is not None and not features:
        raise reject("agent.features", list(features), "null or at least one feature")
    columns: list[int] = []
    scales: list[Scale] = []
    for name in default_features(layout) if features is None else features:
        here = np.arange(layout.width)[layout.columns(name)].tolist()
        columns += here
        scales += [layout.record(name).scale] * len(here)
    return {
        "columns": columns,
        "cap": [scale.cap for scale in scales],
        "scale": [scale.factor for scale in scales],
        "logged": [scale.logged for scale in scales],
    }


class Scaling(nn.Module):
    """Brings features, the last axis, to one scale: min(x, cap) times scale, or ln(1 + x) where `logged`."""

    def __init__(self, cap: Sequence[float], scale: Sequence[float], logged: Sequence[bool]) -> None:
        super().__init__()
        self.cap: torch.Tensor
        self.scale: torch.Tensor
        self.logged: torch.Tensor
        self.register_buffer("cap", torch.tensor(cap, dtype=torch.float32), persistent=False)
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32), persistent=False)
        self.register_buffer("logged", torch.tensor(logged, dtype=torch.bool), persistent=False)
        self.any_logged = any(logged)
        self.features = len(logged)

    def forward(self, chosen: torch.Tensor) -> torch.Tensor:
        """`[..., features]` to the same shape."""
        scaled = torch.minimum(chosen, self.cap) * self.scale
        if self.any_logged:
            return torch.where(self.logged, torch.log1p(chosen), scaled)
        return scaled


class Reading(BaseFeaturesExtractor):
    """Picks columns of the observation, and brings each to its scale.

    It is part of the network, so an exported policy takes the full observation `[batch, columns]`.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        columns: list[int],
        cap: list[float],
        scale: list[float],
        logged: list[bool],
    ) -> None:
        super().__init__(observation_space, len(columns))
        self.columns: torch.Tensor
        self.register_buffer("columns", torch.tensor(columns), persistent=False)
        self.scaling = Scaling(cap, scale, logged)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """`[batch, columns]` to `[batch, features]`."""
        scaled: torch.Tensor = self.scaling(observations.index_select(1, self.columns))
        return scaled


class Means(nn.Module):
    """The mean of each action's quantiles: `[batch, quantiles * actions]` to `[batch, actions]`.

    The values come in the order of the quantiles, all actions of the first one first.
    """

    def __init__(self, quantiles: int, actions: int) -> None:
        super().__init__()
        self.shape = (-1, quantiles, actions)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """`[batch, quantiles * actions]` to `[batch, actions]`."""
        return values.reshape(self.shape).mean(dim=1)


def renew_optimizer(model: Any) -> None:
    """Give an untrained actor-critic model, whose layers were changed, an optimiser of all of them."""
    policy, rate = model.policy, model.lr_schedule(1)
    policy.optimizer = policy.optimizer_class(policy.parameters(), lr=rate, **policy.optimizer_kwargs)
