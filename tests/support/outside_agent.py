"""An agent of somebody else's: A2C (Mnih et al. 2016) in one module outside the package."""

from collections.abc import Sequence
from dataclasses import dataclass

from stable_baselines3 import A2C

from coursewright.agents.learning.algorithm import Algorithm, actor, check
from coursewright.agents.learning.training import network, place, train
from coursewright.agents.options import at_least


@dataclass(frozen=True)
class A2c:
    """Advantage actor-critic."""

    steps: int = 100_000
    learners: int = 64
    n_steps: int = 5
    learning_rate: float = 7e-4
    layers: Sequence[int] = (64,)
    features: Sequence[str] | None = None
    threads: int = 1
    device: str = "cpu"
    checkpoint_every: int = 50_000

    def __post_init__(self):
        check(self)
        at_least(1, n_steps=self.n_steps)

    @property
    def algorithm(self):
        return Algorithm("a2c", A2C, actor)

    def untrained(self, env, seed):
        return A2C(
            "MlpPolicy",
            env,
            n_steps=self.n_steps,
            learning_rate=self.learning_rate,
            gamma=1.0,
            policy_kwargs=network(env.task, self.layers, self.features),
            stats_window_size=self.learners,
            seed=seed,
            device=place(self.device),
        )

    def __call__(self, task, seed, tracker):
        return train(self, task, seed, tracker)
