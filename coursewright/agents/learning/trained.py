"""A trained Stable-Baselines3 model as a policy, in memory and as a file."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from coursewright.agents.export.label import Label, actions_of, versions
from coursewright.agents.export.policy import choose
from coursewright.agents.learning.sampling import DISALLOWED, Draws, Scores
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.files import write_atomically
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.luck import Luck

AGENTS: dict[str, type[BaseAlgorithm]] = {"ppo": PPO, "dqn": DQN, "maskable_ppo": MaskablePPO}
LABEL = "coursewright.json"
# Training's leftovers, of no use to a policy
LEFTOVERS = ("_last_obs", "_last_episode_starts", "_last_original_obs", "ep_info_buffer", "ep_success_buffer")


class ScoringNetwork(nn.Module):
    """The part of a model that chooses: observation and mask to scores and the best action.

    Scores are logits (PPO, MaskablePPO) or values (DQN); what is disallowed gets `DISALLOWED`.
    """

    def __init__(self, model: BaseAlgorithm) -> None:
        super().__init__()
        policy: Any = model.policy
        if isinstance(model, DQN):
            self.layers = nn.Sequential(policy.q_net.features_extractor, policy.q_net.q_net)
        else:
            body = policy.mlp_extractor.policy_net
            self.layers = nn.Sequential(policy.pi_features_extractor, body, policy.action_net)

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`features [batch, columns]` and `mask [batch, actions]` to `scores` and `action [batch]`."""
        scores = self.layers(features).masked_fill(~mask, DISALLOWED)
        return scores, scores.argmax(dim=1)


class TrainedPolicy:
    """Wraps a PPO, MaskablePPO or DQN model; a model that knows no masks ignores them.

    Attributes
    ----------
    model : the Stable-Baselines3 model.
    label : who made it, and for what.
    """

    def __init__(self, model: BaseAlgorithm, label: Label) -> None:
        self.model = model
        self.label = label
        self.network = ScoringNetwork(model).eval()

    @classmethod
    def of(cls, model: BaseAlgorithm, task: Task, agent: str) -> "TrainedPolicy":
        """The policy that `agent` made of `task`."""
        label = Label(
            agent=agent,
            seed=model.seed or 0,
            steps=model.num_timesteps,
            respects_mask=isinstance(model, MaskablePPO),
            stochastic=not isinstance(model, DQN),
            columns=task.layout.names,
            actions=actions_of(task),
            course=task.course.hash,
            versions=versions(),
        )
        return cls(model, label)

    @property
    def respects_mask(self) -> bool:
        """Whether only allowed actions are ever chosen."""
        return self.label.respects_mask

    def begin(self, luck: Luck) -> Draws:
        """Each learner's own draws, for choices that are not deterministic."""
        return Draws.of(luck)

    def scores(self, observation: Observation, action_masks: Bools | None = None) -> Scores:
        """A score for every action, `[batch, actions]`; what is disallowed gets -1e8."""
        return self._outputs(observation, action_masks)[0]

    def predict(
        self,
        observation: Observation,
        state: Any = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Any]:
        """Actions `[batch]`: the best ones, or draws from the logits with the learners' own luck."""
        scores, best = self._outputs(observation, action_masks)
        return choose(scores, best, state, deterministic or not self.label.stochastic)

    def _outputs(self, observation: Observation, action_masks: Bools | None) -> tuple[Scores, Ints]:
        mask = np.ones((len(observation), len(self.label.actions)), bool)
        if self.respects_mask and action_masks is not None:
            mask = action_masks
        with torch.no_grad():
            scores, action = self.network(torch.as_tensor(observation), torch.as_tensor(mask))
        return scores.numpy(), action.numpy()

    def save(self, path: str | Path) -> None:
        """Write Stable-Baselines3's own zip, which its `load` reads too, with the label inside."""
        content = io.BytesIO()
        self.model.save(content, exclude=LEFTOVERS)
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr(LABEL, json.dumps(self.label.metadata()))
        write_atomically(path, lambda part: part.write_bytes(content.getvalue()))

    @classmethod
    def load(cls, path: str | Path, task: Task | None = None) -> "TrainedPolicy":
        """Read what `save` wrote.

        The format holds pickled Python, which runs when it is read: load only files that you trust.
        An exported policy (`export.export`) holds numbers only.

        Raises `InputError` for a missing or broken file, or one that was made for another task.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                broken = archive.testzip()
                label = Label.read(json.loads(archive.read(LABEL)), path)
        except OSError as error:
            raise InputError(f"policy = {path}: cannot be read ({error.strerror or error})") from error
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"policy = {path}: truncated or not a saved policy") from error
        if broken is not None or label.agent not in AGENTS:
            raise InputError(f"policy = {path}: broken ({broken or label.agent})")
        if task is not None:
            label.check(task, path)
        return cls(AGENTS[label.agent].load(str(path), device="cpu"), label)
