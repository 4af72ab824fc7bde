"""Deep Q-learning of the distribution of returns.

Torch is imported where it is trained with: options are checked without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coursewright.agents.learning import replaying
from coursewright.agents.learning.algorithm import Algorithm
from coursewright.agents.options import at_least
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import nn

    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.learning.vec_env import LearnersVecEnv


def _values(policy: Any) -> "nn.Module":
    from torch import nn

    from coursewright.agents.learning.network import Means

    net = policy.quantile_net
    return nn.Sequential(
        net.features_extractor, net.quantile_net, Means(net.n_quantiles, int(net.action_space.n))
    )


@dataclass(frozen=True)
class QrDqn:
    """Quantile regression DQN (Dabney et al. 2018, arXiv 1710.10044), blind to masks as `dqn.Dqn` is.

    The network learns quantiles of the return of each action, and their mean is the action's value.

    Attributes
    ----------
    quantiles : quantiles of the return per action.
    the others : as in `dqn.Dqn`.

    Raises `InputError` as `ppo.Ppo` does.
    """

    quantiles: int = 25
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
        at_least(1, quantiles=self.quantiles)

    @property
    def algorithm(self) -> Algorithm:
        """QR-DQN of sb3-contrib."""
        from sb3_contrib import QRDQN

        return Algorithm("qr_dqn", QRDQN, _values, stochastic=False, counters=replaying.COUNTERS)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> "TrainedPolicy":
        """Train on the task's training learners; one seed makes one set of weights."""
        from coursewright.agents.learning.training import train

        return train(self, task, seed, tracker)

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step."""
        from sb3_contrib import QRDQN

        from coursewright.agents.learning.training import network

        layers = network(env.task, self.layers, self.features) | {"n_quantiles": self.quantiles}
        return replaying.untrained(QRDQN, self, env, seed, layers)
