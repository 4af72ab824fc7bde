"""A trained Stable-Baselines3 model as a policy, in memory and as a file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from coursewright.agents.label import Label, actions_of, versions
from coursewright.agents.learning.algorithm import Algorithm, Trainable, options_of
from coursewright.agents.learning.beginning import begun
from coursewright.agents.learning.weights import BROKEN, read_tree, tensors, write_tree
from coursewright.agents.sampling import DISALLOWED, Cells, Chooser, Memory, Scores
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.simulators.arrays import Bools, Ints, Observation

FORMAT = 3
ANYWHERE = ("threads", "device", "checkpoint_every")  # options that leave the weights as they are


class ScoringNetwork(nn.Module):
    """The part of a model that chooses: observation and mask to scores and the best action.

    Scores are logits or values, as the algorithm has it; a disallowed action gets `DISALLOWED`.
    """

    def __init__(self, model: BaseAlgorithm, algorithm: Algorithm) -> None:
        super().__init__()
        self.layers = algorithm.scores(model.policy)

    def forward(
        self, features: torch.Tensor, mask: torch.Tensor, *course: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`features [batch, columns]` and `mask [batch, actions]` to `scores` and `action [batch]`.

        A network that serves any course may be given another `course` (see `on_course.OnCourse`).
        """
        scores = self.layers(features, *course).masked_fill(~mask, DISALLOWED)
        return scores, scores.argmax(dim=1)


class RememberingNetwork(nn.Module):
    """As `ScoringNetwork`, with hidden and cell state `[batch, units]`, which go in and out."""

    def __init__(self, model: BaseAlgorithm, algorithm: Algorithm) -> None:
        super().__init__()
        self.layers = algorithm.scores(model.policy)

    def forward(
        self, features: torch.Tensor, mask: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """`scores [batch, actions]`, `action [batch]`, and the next hidden and cell state."""
        scores, hidden, cell = self.layers(features, hidden, cell)
        scores = scores.masked_fill(~mask, DISALLOWED)
        return scores, scores.argmax(dim=1), hidden, cell


class TrainedPolicy:
    """Chooses as a trained model does; a model that knows no masks ignores them.

    Attributes
    ----------
    model : the Stable-Baselines3 model, on the CPU.
    agent : the agent that trained it, with its options.
    label : the agent that made it, and the task that it is for.
    """

    def __init__(self, model: BaseAlgorithm, agent: Trainable, label: Label) -> None:
        model.policy.to("cpu")
        model.device = torch.device("cpu")
        self.model = model
        self.agent = agent
        self.label = label
        kind = RememberingNetwork if label.memory else ScoringNetwork
        self.network = kind(model, agent.algorithm).eval()
        chooser = Chooser(label, self._judge)
        self.begin = chooser.begin
        self.scores = chooser.scores
        self.predict = chooser.predict
        self.chances = chooser.chances

    def __repr__(self) -> str:
        """One line: agent, seed and steps."""
        label = self.label
        return f"<TrainedPolicy: {label.agent}, seed {label.seed}, {label.steps:,} steps>"

    @classmethod
    def of(cls, model: BaseAlgorithm, agent: Trainable, task: Task) -> "TrainedPolicy":
        """The policy that `agent` made of `task`."""
        label = Label(
            agent=agent.algorithm.name,
            seed=model.seed or 0,
            steps=model.num_timesteps,
            respects_mask=agent.algorithm.masks,
            stochastic=agent.algorithm.stochastic,
            columns=task.layout.names,
            actions=actions_of(task),
            course=task.course.hash,
            versions=versions(),
            licence=task.course.licence,
            memory=agent.algorithm.memory,
            reads=() if agent.algorithm.reads is None else agent.algorithm.reads(task),
        )
        return cls(model, agent, label)

    @property
    def respects_mask(self) -> bool:
        """True where the policy only ever chooses allowed actions."""
        return self.label.respects_mask

    def _judge(self, observation: Observation, mask: Bools, memory: Memory) -> tuple[Scores, Ints, Memory]:
        given = [torch.as_tensor(part) for part in (observation, mask, *memory)]
        with torch.no_grad():
            scores, action, *after = (part.numpy() for part in self.network(*given))
        return scores, action, Cells(*after) if after else ()

    def library_choice(self, observation: Observation, mask: Bools, memory: Memory) -> Ints:
        """The choice `[batch]` that the `predict` of Stable-Baselines3 makes of the same.

        Columns that only a critic may see are no numbers here: a policy that read them would choose by them.
        """
        algorithm = self.agent.algorithm
        shown = "mask" in algorithm.beside
        own = np.hstack([observation, mask], dtype=np.float32) if shown else observation
        space: Any = self.model.observation_space
        seen = np.full((len(own), *space.shape), np.nan, np.float32)
        seen[:, : own.shape[1]] = own
        limits: Any = {"action_masks": mask} if algorithm.masks and not shown else {}
        states: Any = tuple(part[None] for part in memory) or None  # a layer
        choice, _ = self.model.predict(seen, states, deterministic=True, **limits)
        return np.asarray(choice)

    def save(self, path: str | Path) -> None:
        """Write the weights with the agent's options and the label: numbers and JSON in an .npz file."""
        tree = {
            "label": asdict(self.label),
            "options": options_of(self.agent),
            "weights": self.model.policy.state_dict(),
        }
        write_tree(path, tree, FORMAT)

    @classmethod
    def load(cls, path: str | Path, agent: Trainable, task: Task) -> "TrainedPolicy":
        """The policy that `agent` made of `task` and `save` wrote; reading it runs nothing of the file's.

        A policy that serves any course is read for this `task`, whatever the course of its training.

        Raises `InputError` for a missing or broken file, one of another format, one that another algorithm
        or other options made, or one that was made for another task.
        """
        tree = read_tree("policy", path, FORMAT)
        label = Label.read(_texts(tree), path)
        if label.agent != agent.algorithm.name:
            raise reject("policy", path, f"made by {agent.algorithm.name}; {label.agent} made it")
        label.check(task, path)
        _refuse_others(tree.get("options"), agent, path)
        here: Any = replace(agent, device="cpu")
        if label.reads:
            here = replace(here, features=label.reads)  # the default ones may be others here
        model, _ = begun(here, task, label.seed)
        try:
            model.policy.load_state_dict(_finite(tensors(tree["weights"])))
        except (*BROKEN, AttributeError) as error:
            raise InputError(f"policy = {path}: its weights are not those of this network") from error
        model.num_timesteps = label.steps
        return cls(model, agent, label.on(task))


def _texts(tree: Mapping[str, Any]) -> dict[str, str]:
    """The label of a saved policy as an exported one has it."""
    label = tree.get("label")
    return {name: json.dumps(value) for name, value in label.items()} if isinstance(label, dict) else {}


def _refuse_others(options: Any, agent: Trainable, path: str | Path) -> None:
    """Refuse weights that were trained with options other than the agent's.

    An option that the file does not know is younger than it, and had its default.
    """
    default = {field.name: field.default for field in fields(agent)}
    for name, value in options_of(agent).items():
        theirs = options.get(name, default[name]) if isinstance(options, dict) else None
        if name not in ANYWHERE and theirs != value:
            raise reject(f"agent.{name}", value, f"{theirs}, with which the policy {path} was made")


def _finite(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for name, values in weights.items():
        if not torch.isfinite(values).all():
            raise ValueError(f"{name} holds a value that is no number")
    return weights
