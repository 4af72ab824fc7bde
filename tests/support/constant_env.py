"""An environment that does nothing: the cost of a training if learners were free."""

from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from coursewright.envs.episodes import Episodes
from coursewright.envs.gym import spaces
from coursewright.envs.task import Task


class ConstantVecEnv(VecEnv):
    """The same spaces, episode length and infos as `LearnersVecEnv`, and constants for all the rest."""

    render_mode = None

    def __init__(self, task: Task, learners: int) -> None:
        super().__init__(learners, *spaces(task, Episodes(task, 1).past_width))
        self.task = task
        self.step_number = 0
        self.observation = np.full((learners, task.layout.width), 0.5, np.float32)
        self.reward = np.zeros(learners, np.float32)
        self.mask = np.ones((learners, task.n_actions), bool)

    def reset(self):
        return self.observation

    def step_async(self, actions):
        self.step_number += 1

    def step_wait(self):
        over = self.step_number % self.task.horizon == 0
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if over:
            for row, info in enumerate(infos):
                info["terminal_observation"] = self.observation[row]
                info["episode"] = {"r": 0.0, "l": self.task.horizon}
        return self.observation, self.reward, np.full(self.num_envs, over), infos

    def action_masks(self):
        return self.mask

    def env_method(self, method_name, *method_args, indices=None, **method_kwargs):
        return [getattr(self, method_name)(*method_args, **method_kwargs)]

    def get_attr(self, attr_name, indices=None):
        return [getattr(self, attr_name)] * self.num_envs

    def set_attr(self, attr_name, value, indices=None):
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class, indices=None):
        return [False] * self.num_envs

    def close(self):
        pass
