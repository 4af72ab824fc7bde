"""A trained Stable-Baselines3 model as a policy, in memory and as a file."""

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from coursewright.agents.label import Label, actions_of, versions
from coursewright.agents.learning.algorithm import Algorithm, Trainable
from coursewright.agents.sampling import DISALLOWED, Chooser, Scores
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.files import refuse_format, write_atomically
from coursewright.simulators.arrays import Bools, Ints, Observation

SAVED = "coursewright.json"
FORMAT = 2
# Training's leftovers, of no use to a policy
LEFTOVERS = ("_last_obs", "_last_episode_starts", "_last_original_obs", "ep_info_buffer", "ep_success_buffer")


class ScoringNetwork(nn.Module):
    """The part of a model that chooses: observation and mask to scores and the best action.

    Scores are logits or values, as the algorithm has it; what is disallowed gets `DISALLOWED`.
    """

    def __init__(self, model: BaseAlgorithm, algorithm: Algorithm) -> None:
        super().__init__()
        self.layers = algorithm.scores(model.policy)

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`features [batch, columns]` and `mask [batch, actions]` to `scores` and `action [batch]`."""
        scores = self.layers(features).masked_fill(~mask, DISALLOWED)
        return scores, scores.argmax(dim=1)


class TrainedPolicy:
    """Chooses as a trained model does; a model that knows no masks ignores them.

    Attributes
    ----------
    model : the Stable-Baselines3 model, on the CPU.
    agent : the agent that trained it, with its options.
    label : who made it, and for what.
    """

    def __init__(self, model: BaseAlgorithm, agent: Trainable, label: Label) -> None:
        model.policy.to("cpu")
        model.device = torch.device("cpu")
        self.model = model
        self.agent = agent
        self.label = label
        self.network = ScoringNetwork(model, agent.algorithm).eval()
        chooser = Chooser(label, self._judge)
        self.begin = chooser.begin
        self.scores = chooser.scores
        self.predict = chooser.predict
        self.chances = chooser.chances

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
        )
        return cls(model, agent, label)

    @property
    def respects_mask(self) -> bool:
        """Whether only allowed actions are ever chosen."""
        return self.label.respects_mask

    def _judge(self, observation: Observation, mask: Bools) -> tuple[Scores, Ints]:
        with torch.no_grad():
            scores, action = self.network(torch.as_tensor(observation), torch.as_tensor(mask))
        return scores.numpy(), action.numpy()

    def save(self, path: str | Path) -> None:
        """Write Stable-Baselines3's own zip, which its `load` reads too, with options and label inside."""
        about = {"format": FORMAT, "options": asdict(self.agent), "label": self.label.metadata()}
        content = io.BytesIO()
        self.model.save(content, exclude=LEFTOVERS)
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr(SAVED, json.dumps(about))
        write_atomically(path, lambda part: part.write_bytes(content.getvalue()))

    @classmethod
    def load(cls, path: str | Path, agent: Trainable, task: Task | None = None) -> "TrainedPolicy":
        """Read what `save` wrote of a policy that `agent` trained.

        The format holds pickled Python, which runs when it is read: load only files that you trust.
        An exported policy (`export.export`) holds numbers only.

        Raises `InputError` for a missing or broken file, one of another format, one that another algorithm
        made, or one that was made for another task.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                broken = archive.testzip()
                about = json.loads(archive.read(SAVED))
        except OSError as error:
            raise InputError(f"policy = {path}: cannot be read ({error.strerror or error})") from error
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise InputError(f"policy = {path}: truncated or not a saved policy") from error
        if broken is not None:
            raise InputError(f"policy = {path}: broken ({broken})")
        refuse_format("policy", path, _format(about), FORMAT)
        label = Label.read(about["label"], path)
        if label.agent != agent.algorithm.name:
            raise reject("policy", path, f"made by {agent.algorithm.name}; {label.agent} made it")
        if task is not None:
            label.check(task, path)
        return cls(agent.algorithm.kind.load(str(path), device="cpu"), agent, label)


def _format(about: dict[str, Any]) -> Any:
    """The format of a saved policy; the first one was the bare label, whose values are text."""
    return int(about["format"]) if isinstance(about.get("format"), str) else about.get("format")
