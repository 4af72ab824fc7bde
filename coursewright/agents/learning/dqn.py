"""Deep Q-learning.  Torch is imported where it is trained with: options are checked without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coursewright.agents.learning import replaying
from coursewright.agents.learning.algorithm import Algorithm
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import nn

    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.learning.vec_env import LearnersVecEnv


def _values(policy: Any) -> "nn.Module":
    from torch import nn

    return nn.Sequential(policy.q_net.features_extractor, policy.q_net.q_net)


@dataclass(frozen=True)
class Dqn:
    """Deep Q-learning (Mnih et al. 2015), blind to masks: a disallowed choice is the task's no-op.

    Attributes
    ----------
    steps, learners, gamma, learning_rate, layers, features, threads, device, checkpoint_every : as
        in `ppo.Ppo`.
    n_steps, gradient_steps : updates of `batch_size` transitions after every n_steps of each learner.
    buffer_size : transitions remembered, over all learners.
    learning_starts : environment steps of uniform choice before the first update.
    target_update : environment steps between two updates of the target network.
    explore_for, explore_last : over this share of training, exploration falls from 1 to its last value.

    Raises `InputError` as `ppo.Ppo` does.
    """

    steps: int = 500_000
    learners: int = 64
    n_steps: int = 4
    gradient_steps: int = 8
    batch_size: int = 256
    buffer_size: int = 100_000
    learning_starts: int = 10_000
    target_update: int = 10_000
    explore_for: float = 0.3
    explore_last: float = 0.05
    gamma: float = 1.0
    learning_rate: float = 5e-4
    layers: Sequence[int] = (128, 128)
    features: Sequence[str] | None = None
    threads: int = 1
    device: str = "cpu"
    checkpoint_every: int = 100_000

    def __post_init__(self) -> None:
        replaying.check(self)

    @property
    def algorithm(self) -> Algorithm:
        """Stable-Baselines3's DQN."""
        from stable_baselines3 import DQN

        return Algorithm("dqn", DQN, _values, stochastic=False, counters=replaying.COUNTERS)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> "TrainedPolicy":
        """Train on the task's training learners; one seed makes one set of weights."""
        from coursewright.agents.learning.training import train

        return train(self, task, seed, tracker)

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step."""
        from stable_baselines3 import DQN

        from coursewright.agents.learning.training import network

        layers = network(env.task, self.layers, self.features)
        return replaying.untrained(DQN, self, env, seed, layers)
