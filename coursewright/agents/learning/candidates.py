"""Random search whose candidates all teach the same learners; sb3-contrib's would meet other ones each."""

import copy
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import ARS
from sb3_contrib.ars.policies import ARSPolicy
from sb3_contrib.common.vec_env.async_eval import AsyncEval
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from coursewright.agents.learning.vec_env import LearnersVecEnv


class ReadingPolicy(ARSPolicy):
    """The policy of `ARS` behind a features extractor of ours, for which its own has no argument."""

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Discrete,
        net_arch: list[int],
        features_extractor_class: type[BaseFeaturesExtractor],
        features_extractor_kwargs: dict[str, Any],
    ) -> None:
        self._reading = (features_extractor_class, features_extractor_kwargs)
        super().__init__(observation_space, action_space, net_arch)

    def make_features_extractor(self) -> BaseFeaturesExtractor:
        """The columns that are read, as `network.Reading` brings them to one scale."""
        kind, options = self._reading
        return kind(self.observation_space, **options)


class PairedArs(ARS):
    """`ARS` in which every candidate of an update teaches one episode of the same learners, with one luck.

    sb3-contrib counts the steps of a batch of learners once per learner, and lets each candidate meet the
    learners' next episodes.
    """

    env: LearnersVecEnv
    policy: ReadingPolicy

    @property
    def n_steps(self) -> int:
        """Environment steps of each learner in an update."""
        return int(self.pop_size) * self.env.task.horizon

    def _do_one_update(self, callback: BaseCallback, async_eval: AsyncEval | None) -> None:
        callback.on_rollout_start()  # before the directions are drawn, for a checkpoint is written there
        super()._do_one_update(callback, async_eval)

    def evaluate_candidates(
        self, candidate_weights: torch.Tensor, callback: BaseCallback, async_eval: AsyncEval | None
    ) -> torch.Tensor:
        """The mean return of each candidate, `[candidates]`."""
        policy = copy.deepcopy(self.policy)
        returned = torch.zeros(self.pop_size, device=self.device)
        before = self.env.snapshot()
        for candidate, weights in enumerate(candidate_weights):
            policy.load_from_vector(weights.cpu())
            self.env.restore(before)
            returned[candidate] = self._taught(policy, callback)
        callback.on_rollout_end()
        return returned

    def _taught(self, policy: ReadingPolicy, callback: BaseCallback) -> float:
        """The mean return of an episode of every learner."""
        seen: Any = self.env.reset()
        returned, over = np.zeros(self.env.num_envs), np.zeros(self.env.num_envs, bool)
        while not over.all():
            action = policy(torch.as_tensor(seen, device=self.device)).cpu().numpy()
            seen, reward, done, infos = self.env.step(action)
            returned += np.where(over, 0.0, reward)
            self._update_info_buffer([info for info, known in zip(infos, over, strict=True) if not known])
            over |= done
            self.num_timesteps += self.env.num_envs
            callback.on_step()
        return float(returned.mean())
