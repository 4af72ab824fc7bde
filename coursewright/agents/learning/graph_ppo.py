"""Proximal policy optimisation of a network whose weights all skills share, which serves any course.

Torch is imported where it is trained with: options are checked without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from coursewright.agents.learning import on_policy
from coursewright.agents.learning.algorithm import Algorithm
from coursewright.agents.learning.teacher import READS, Teacher
from coursewright.agents.options import at_least, not_negative, switches
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import nn

    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.learning.vec_env import LearnersVecEnv


def _choosing(policy: Any) -> "nn.Module":
    from coursewright.agents.learning.graph import Choosing

    return Choosing(policy)


def _reads(agent: "GraphPpo", task: Task) -> tuple[str, ...]:
    """The features that the network reads of a task."""
    from coursewright.agents.learning.network import default_features

    layout = task.layout
    if agent.features is None:
        wanted = dict.fromkeys((*default_features(layout), *READS))
        return tuple(name for name in wanted if name in layout.features)
    for name in agent.features:
        layout.columns(name)  # refuses one that the task does not offer
    return tuple(agent.features)


@dataclass(frozen=True)
class GraphPpo:
    """PPO of a policy with messages along prerequisites (see `graph`), which serves courses of any size.

    Attributes
    ----------
    units : the length of a skill's vector.
    rounds : of messages between skills and their prerequisites.
    the others : as in `ppo.Ppo`.

    Raises `InputError` as `ppo.Ppo` does, and for a task with delays or a stop.
    """

    masked: bool = False
    steps: int = 200_000
    imitate: Teacher | None = None
    imitate_for: float | None = None
    privileged_critic: bool = False
    learners: int = 64
    n_steps: int = 50
    batch_size: int = 256
    epochs: int = 2
    gamma: float = 1.0
    gae_lambda: float = 0.98
    entropy: float = 0.01
    learning_rate: float = 2e-3
    anneal: bool = True
    units: int = 32
    rounds: int = 2
    features: Sequence[str] | None = None
    threads: int = 1
    device: str = "cpu"
    checkpoint_every: int = 100_000

    def __post_init__(self) -> None:
        on_policy.check(self)
        at_least(1, n_steps=self.n_steps, epochs=self.epochs, units=self.units, rounds=self.rounds)
        at_least(2, batch_size=self.batch_size)
        not_negative(entropy=self.entropy)
        switches(masked=self.masked)

    @property
    def name(self) -> str:
        """The agent's name in messages and files."""
        return "maskable_graph_ppo" if self.masked else "graph_ppo"

    @property
    def algorithm(self) -> Algorithm:
        """MaskablePPO where `masked`, otherwise PPO."""
        from sb3_contrib import MaskablePPO
        from stable_baselines3 import PPO

        return Algorithm(
            self.name,
            MaskablePPO if self.masked else PPO,
            _choosing,
            masks=self.masked,
            beside=on_policy.beside(self),
            schedule=on_policy.falling(self.entropy, self.anneal),
            warm_start=on_policy.warm_start(self),
            reads=partial(_reads, self),
        )

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> "TrainedPolicy":
        """Train on the task's training learners; one seed makes one set of weights."""
        from coursewright.agents.learning.training import train

        return train(self, task, seed, tracker)

    def refuse(self, task: Task) -> None:
        """Refuse a task that it cannot be trained on, before anything is made."""
        on_policy.refuse(self, task)
        if task.stop or task.delays:
            name, value = ("stop", True) if task.stop else ("delays", list(task.delays))
            raise reject(f"task.{name}", value, "left out, for graph_ppo gives scores to items alone")
        on_policy.refuse_a_single_one(self, task, self.batch_size)

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step."""
        from coursewright.agents.learning.graph import Heads, Unread, put_into
        from coursewright.agents.learning.training import place

        task = env.task
        kind: Any = self.algorithm.kind
        model: BaseAlgorithm = kind(
            "MlpPolicy",
            env,
            n_steps=on_policy.rollout_steps(self, task),
            batch_size=self.batch_size,
            n_epochs=self.epochs,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            ent_coef=self.entropy,
            learning_rate=on_policy.rate(self),
            policy_kwargs={"net_arch": [], "features_extractor_class": Unread},
            stats_window_size=self.learners,
            seed=seed,
            device=place(self.device),
        )
        put_into(model, Heads(task, _reads(self, task), self.units, self.rounds, self.privileged_critic))
        return model
