"""The parts that DQN and QR-DQN share: a replay buffer, a target network, exploration that falls."""

from typing import TYPE_CHECKING, Any, Protocol

from coursewright.agents.learning import algorithm
from coursewright.agents.learning.algorithm import Trainable
from coursewright.agents.options import at_least, shares

if TYPE_CHECKING:
    from sb3_contrib import QRDQN
    from stable_baselines3 import DQN

    from coursewright.agents.learning.vec_env import LearnersVecEnv

COUNTERS = ("_n_calls", "exploration_rate")


class Replaying(Trainable, Protocol):
    """An agent that learns the values of actions from remembered transitions; see `dqn.Dqn`."""

    @property
    def n_steps(self) -> int:
        """Steps of each learner between two rounds of updates."""
        ...

    @property
    def gradient_steps(self) -> int:
        """Updates a round."""
        ...

    @property
    def batch_size(self) -> int:
        """Transitions an update looks at."""
        ...

    @property
    def buffer_size(self) -> int:
        """Transitions remembered, over all learners."""
        ...

    @property
    def learning_starts(self) -> int:
        """Environment steps of uniform choice before the first update."""
        ...

    @property
    def target_update(self) -> int:
        """Environment steps between two updates of the target network."""
        ...

    @property
    def explore_for(self) -> float:
        """The share of training over which exploration falls."""
        ...

    @property
    def explore_last(self) -> float:
        """The exploration to which it falls."""
        ...

    @property
    def gamma(self) -> float:
        """Discount a step."""
        ...


def check(agent: Replaying) -> None:
    """Check the options that these agents share, in their `__post_init__`."""
    algorithm.check(agent)
    at_least(1, n_steps=agent.n_steps, gradient_steps=agent.gradient_steps, batch_size=agent.batch_size)
    at_least(1, buffer_size=agent.buffer_size, target_update=agent.target_update)
    at_least(0, learning_starts=agent.learning_starts)
    shares(gamma=agent.gamma, explore_for=agent.explore_for, explore_last=agent.explore_last)


def untrained(
    kind: "type[DQN | QRDQN]", agent: Replaying, env: "LearnersVecEnv", seed: int, network: dict[str, Any]
) -> "DQN | QRDQN":
    """The model of this `kind` before its first step; `network` is Stable-Baselines3's `policy_kwargs`."""
    from coursewright.agents.learning.training import place

    return kind(
        "MlpPolicy",
        env,
        learning_rate=agent.learning_rate,
        buffer_size=agent.buffer_size,
        learning_starts=agent.learning_starts,
        batch_size=agent.batch_size,
        gamma=agent.gamma,
        train_freq=agent.n_steps,
        gradient_steps=agent.gradient_steps,
        target_update_interval=max(agent.target_update, agent.learners),
        exploration_fraction=agent.explore_for,
        exploration_final_eps=agent.explore_last,
        policy_kwargs=network,
        stats_window_size=agent.learners,
        seed=seed,
        device=place(agent.device),
    )
