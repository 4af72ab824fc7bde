"""A critic that sees the learners' true mastery, in training alone (asymmetric actor-critic).

A value network that knows the state judges the policy's choices with less noise (Pinto et al. 2017, arXiv
1710.06542); no choice needs it, so the policy never sees it.
"""

from collections.abc import Sequence
from typing import Any

from torch import nn

from coursewright.agents.learning.network import Reading, reading, renew_optimizer
from coursewright.envs.task import Task


def let_critic_see(model: Any, task: Task, features: Sequence[str] | None) -> None:
    """Let the value network of an untrained actor-critic model read the last columns of its observations.

    They hold the true mastery of each skill (`vec_env.BESIDE`).  The layer that reads is made anew, and
    so is the optimiser; the policy's layers stay.
    """
    policy, own = model.policy, reading(task.layout, features)
    width, skills = model.observation_space.shape[0], task.course.n_skills
    own["columns"] += range(width - skills, width)
    own["cap"] += [1.0] * skills
    own["scale"] += [1.0] * skills
    own["logged"] += [False] * skills
    policy.share_features_extractor = False
    policy.vf_features_extractor = Reading(model.observation_space, **own)
    _widen(policy, policy.vf_features_extractor.features_dim)
    policy.to(model.device)
    renew_optimizer(model)


def _widen(policy: Any, inputs: int) -> None:
    """Make the first layer of the value network anew, for so many inputs."""
    if getattr(policy, "lstm_critic", None) is not None:
        lstm = policy.lstm_critic
        policy.lstm_critic = nn.LSTM(inputs, lstm.hidden_size, num_layers=lstm.num_layers)
        return
    hidden = policy.mlp_extractor.value_net
    first = nn.Linear(inputs, hidden[0].out_features if len(hidden) else 1)
    nn.init.orthogonal_(first.weight, gain=2**0.5 if len(hidden) else 1.0)
    nn.init.zeros_(first.bias)
    if len(hidden):
        hidden[0] = first
    else:
        policy.value_net = first
