"""Augmented random search.  Torch is imported where it is trained with: options are checked without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coursewright.agents.learning import algorithm
from coursewright.agents.learning.algorithm import Algorithm
from coursewright.agents.options import at_least, positive
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import nn

    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.learning.vec_env import LearnersVecEnv


def _values(policy: Any) -> "nn.Module":
    from torch import nn

    return nn.Sequential(policy.features_extractor, policy.action_net)


@dataclass(frozen=True)
class Ars:
    """ARS (Mania et al. 2018, arXiv 1803.07055), blind to masks: a disallowed choice is the task's no-op.

    An update moves the weights along some random directions, by the difference that a step to either side
    makes to the mean return.  All candidates of an update teach the same learners with the same luck.

    Attributes
    ----------
    learners : taught by each candidate, an episode each.
    directions : tried in an update, each to both sides.
    best : of these, the directions that count, those with the highest return to either side; None: all.
    deviation : of the steps that are tried.
    layers : widths of the hidden layers; the published ones are none, a linear policy.
    the others : as in `ppo.Ppo`.

    Raises `InputError` as `ppo.Ppo` does.
    """

    steps: int = 2_000_000
    learners: int = 32
    directions: int = 16
    best: int | None = None
    deviation: float = 0.1
    learning_rate: float = 0.3
    layers: Sequence[int] = ()
    features: Sequence[str] | None = None
    threads: int = 1
    device: str = "cpu"
    checkpoint_every: int = 100_000

    def __post_init__(self) -> None:
        algorithm.check(self)
        at_least(1, directions=self.directions)
        positive(deviation=self.deviation)
        if self.best is not None:
            at_least(1, best=self.best)
            if self.best > self.directions:
                raise reject("agent.best", self.best, f"at most agent.directions = {self.directions}")

    @property
    def algorithm(self) -> Algorithm:
        """ARS of sb3-contrib, with candidates who teach the same learners."""
        from coursewright.agents.learning.candidates import PairedArs

        return Algorithm("ars", PairedArs, _values, stochastic=False, carried=("weights",))

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> "TrainedPolicy":
        """Train on the task's training learners; one seed makes one set of weights."""
        from coursewright.agents.learning.training import train

        return train(self, task, seed, tracker)

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step: weights of zero."""
        from coursewright.agents.learning.candidates import PairedArs, ReadingPolicy
        from coursewright.agents.learning.training import network, place

        return PairedArs(
            ReadingPolicy,
            env,
            n_delta=self.directions,
            n_top=self.best,
            delta_std=self.deviation,
            learning_rate=self.learning_rate,
            policy_kwargs=network(env.task, self.layers, self.features),
            stats_window_size=2 * self.directions * self.learners,
            seed=seed,
            device=place(self.device),
        )
