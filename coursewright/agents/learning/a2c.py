"""Advantage actor-critic.  Torch is imported where it is trained with: options are checked without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coursewright.agents.learning import on_policy
from coursewright.agents.learning.algorithm import Algorithm, actor
from coursewright.agents.learning.teacher import Teacher
from coursewright.agents.options import at_least, not_negative
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.learning.vec_env import LearnersVecEnv


@dataclass(frozen=True)
class A2c:
    """A2C (Mnih et al. 2016, arXiv 1602.01783), blind to masks: a disallowed choice is the task's no-op.

    Attributes
    ----------
    n_steps : steps per learner and rollout, which makes one update.
    the others : as in `ppo.Ppo`.

    Raises `InputError` as `ppo.Ppo` does.
    """

    steps: int = 500_000
    imitate: Teacher | None = None
    imitate_for: float | None = None
    privileged_critic: bool = False
    learners: int = 64
    n_steps: int = 5
    gamma: float = 1.0
    gae_lambda: float = 0.95
    entropy: float = 0.005
    learning_rate: float = 3e-3
    anneal: bool = True
    layers: Sequence[int] = (128, 128)
    features: Sequence[str] | None = None
    threads: int = 1
    device: str = "cpu"
    checkpoint_every: int = 100_000

    def __post_init__(self) -> None:
        on_policy.check(self)
        at_least(1, n_steps=self.n_steps)
        not_negative(entropy=self.entropy)

    @property
    def algorithm(self) -> Algorithm:
        """Stable-Baselines3's A2C."""
        from stable_baselines3 import A2C

        schedule = on_policy.falling(self.entropy, self.anneal)
        warm, beside = on_policy.warm_start(self), on_policy.beside(self)
        return Algorithm("a2c", A2C, actor, beside=beside, schedule=schedule, warm_start=warm)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> "TrainedPolicy":
        """Train on the task's training learners; one seed makes one set of weights."""
        from coursewright.agents.learning.training import train

        return train(self, task, seed, tracker)

    def refuse(self, task: Task) -> None:
        """Refuse a task that it cannot be trained on, before anything is made."""
        on_policy.refuse(self, task)

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step."""
        from stable_baselines3 import A2C

        from coursewright.agents.learning.training import network, place

        model = A2C(
            "MlpPolicy",
            env,
            n_steps=on_policy.rollout_steps(self, env.task),
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            ent_coef=self.entropy,
            learning_rate=on_policy.rate(self),
            policy_kwargs=network(env.task, self.layers, on_policy.read(self, env.task)),
            stats_window_size=self.learners,
            seed=seed,
            device=place(self.device),
        )
        return on_policy.ready(self, model, env.task)
