"""Trust region policy optimisation.

Torch is imported where it is trained with: options are checked without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coursewright.agents.learning import on_policy
from coursewright.agents.learning.algorithm import Algorithm, actor
from coursewright.agents.learning.teacher import Teacher
from coursewright.agents.options import at_least, positive
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.learning.vec_env import LearnersVecEnv


@dataclass(frozen=True)
class Trpo:
    """TRPO (Schulman et al. 2015, arXiv 1502.05477), blind to masks: a disallowed choice is the task's no-op.

    A rollout makes one step of the policy, as long as its mean divergence from the last one allows, along the
    natural gradient.

    Attributes
    ----------
    divergence : the largest mean KL divergence of a step.
    gradient_steps : iterations of the conjugate gradient that finds the direction of a step.
    damping : of its matrix.
    critic_epochs, batch_size : passes of the value network over a rollout, and transitions per update of it.
    learning_rate : of the value network, the only one that an optimiser trains.
    anneal : True where that rate falls linearly to 0 over the training.
    the others : as in `ppo.Ppo`.

    Raises `InputError` as `ppo.Ppo` does.
    """

    steps: int = 500_000
    imitate: Teacher | None = None
    imitate_for: float | None = None
    privileged_critic: bool = False
    learners: int = 64
    n_steps: int | None = None
    divergence: float = 0.01
    gradient_steps: int = 10
    damping: float = 0.1
    critic_epochs: int = 5
    batch_size: int = 512
    gamma: float = 1.0
    gae_lambda: float = 0.95
    learning_rate: float = 2e-3
    anneal: bool = False
    layers: Sequence[int] = (128, 128)
    features: Sequence[str] | None = None
    threads: int = 1
    device: str = "cpu"
    checkpoint_every: int = 100_000

    def __post_init__(self) -> None:
        on_policy.check(self)
        at_least(1, gradient_steps=self.gradient_steps, critic_epochs=self.critic_epochs)
        at_least(2, batch_size=self.batch_size)
        positive(divergence=self.divergence, damping=self.damping)

    @property
    def algorithm(self) -> Algorithm:
        """TRPO of sb3-contrib."""
        from sb3_contrib import TRPO

        beside = on_policy.beside(self)
        return Algorithm("trpo", TRPO, actor, beside=beside, warm_start=on_policy.warm_start(self))

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> "TrainedPolicy":
        """Train on the task's training learners; one seed makes one set of weights."""
        from coursewright.agents.learning.training import train

        return train(self, task, seed, tracker)

    def refuse(self, task: Task) -> None:
        """Refuse a task that it cannot be trained on, before anything is made."""
        on_policy.refuse(self, task)
        if on_policy.rollout_steps(self, task) * self.learners < 2:
            raise reject("agent.learners", 1, "more than one where a rollout has one step")

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step."""
        from sb3_contrib import TRPO

        from coursewright.agents.learning.training import network, place

        model = TRPO(
            "MlpPolicy",
            env,
            n_steps=on_policy.rollout_steps(self, env.task),
            batch_size=self.batch_size,
            target_kl=self.divergence,
            cg_max_steps=self.gradient_steps,
            cg_damping=self.damping,
            n_critic_updates=self.critic_epochs,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            learning_rate=on_policy.rate(self),
            policy_kwargs=network(env.task, self.layers, on_policy.read(self, env.task)),
            stats_window_size=self.learners,
            seed=seed,
            device=place(self.device),
        )
        return on_policy.ready(self, model, env.task)
