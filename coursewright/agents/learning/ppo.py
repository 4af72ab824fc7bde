"""Proximal policy optimisation, blind to masks or among the allowed actions only.

Torch is imported where it is trained with: options are checked without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from coursewright.agents.learning.algorithm import Algorithm, WarmStart, actor
from coursewright.agents.learning.teacher import READS, Teacher, teacher
from coursewright.agents.options import (
    at_least,
    feature_names,
    not_negative,
    positive,
    shares,
    switches,
    widths,
)
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject, unknown

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.learning.vec_env import LearnersVecEnv

FEW = 50  # actions
# Shares of the steps: among many actions a rule is longer in the learning.
OF_FEW, OF_MANY = 0.1, 0.3
SHORT = 20  # episodes shorter than this are collected two at a time


@dataclass(frozen=True)
class Ppo:
    """PPO (Schulman et al. 2017, arXiv 1707.06347); the defaults are measured ones.

    Blind to masks, a disallowed choice is the task's no-op, which costs the step.  `masked`, it samples
    and learns among the allowed actions only (Huang & Ontanon 2022, arXiv 2006.14171).

    Attributes
    ----------
    masked : True where it takes masks of allowed actions.
    steps : environment steps over all learners; the last rollout is finished.
    imitate : a rule that the network first learns to choose as: tuned_mastery, expected_gain, or the best of
        the two on tuning learners; None: it begins with nothing.
    imitate_for : over this share of the steps; None: .1, and .3 where there are more than 50 actions.
    learners : the number of learners taught at once.
    n_steps : steps per learner and rollout; None: an episode, or two where it is short.
    batch_size, epochs : transitions per update, and passes over a rollout.
    gamma, gae_lambda : discount, and bias against variance of the advantage.
    entropy : weight of the entropy bonus.
    learning_rate : of the optimiser.
    anneal : True where learning rate and entropy bonus fall linearly to 0 over the training.  The rate of an
        update is that of the steps after its rollout, so the last one, of about 65 by default, changes
        nothing.  The rate of the steps before it was no better over three seeds on `kss` and `bkt_ednet`.
    layers : widths of the hidden layers of policy and value network.
    features : the features that the network reads; None: `network.default_features`, and those of the rule.
    threads : of torch; more than one is slower for networks this small, and not reproducible.
    device : the device that trains the network: cpu, cuda, or auto (cuda where there is one).
    checkpoint_every : steps between two checkpoints in the tracker's directory.

    Raises `InputError` for an option out of range; when called, for a feature that the task does not
    offer, a device that is not there, and a checkpoint that is broken or of another training.
    """

    masked: bool = False
    steps: int = 500_000
    imitate: Teacher | None = "best"
    imitate_for: float | None = None
    learners: int = 256
    n_steps: int | None = None
    batch_size: int = 1024
    epochs: int = 2
    gamma: float = 1.0
    gae_lambda: float = 0.95
    entropy: float = 0.005
    learning_rate: float = 2e-3
    anneal: bool = True
    layers: Sequence[int] = (128, 128)
    features: Sequence[str] | None = None
    threads: int = 1
    device: str = "cpu"
    checkpoint_every: int = 100_000

    def __post_init__(self) -> None:
        at_least(1, steps=self.steps, learners=self.learners, epochs=self.epochs, threads=self.threads)
        at_least(1, n_steps=1 if self.n_steps is None else self.n_steps)
        at_least(2, batch_size=self.batch_size)
        at_least(1, checkpoint_every=self.checkpoint_every)
        shares(gamma=self.gamma, gae_lambda=self.gae_lambda)
        shares(imitate_for=OF_FEW if self.imitate_for is None else self.imitate_for)
        if self.imitate is not None and self.imitate not in get_args(Teacher):
            raise unknown("agent.imitate", self.imitate, [*get_args(Teacher), "null"])
        not_negative(entropy=self.entropy)
        positive(learning_rate=self.learning_rate)
        switches(masked=self.masked, anneal=self.anneal)
        object.__setattr__(self, "layers", widths(self.layers))
        object.__setattr__(self, "features", feature_names(self.features))

    @property
    def algorithm(self) -> Algorithm:
        """MaskablePPO where `masked`, otherwise PPO."""
        from sb3_contrib import MaskablePPO
        from stable_baselines3 import PPO

        name, kind = ("maskable_ppo", MaskablePPO) if self.masked else ("ppo", PPO)
        warm = None
        if self.imitate is not None:
            warm = WarmStart(partial(teacher, self.imitate), self._steps_as_a_rule)
        return Algorithm(name, kind, actor, masks=self.masked, schedule=self._schedule, warm_start=warm)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> "TrainedPolicy":
        """Train on the task's training learners; one seed makes one set of weights."""
        from coursewright.agents.learning.training import train

        return train(self, task, seed, tracker)

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step."""
        from sb3_contrib import MaskablePPO
        from stable_baselines3 import PPO
        from stable_baselines3.common.utils import LinearSchedule

        from coursewright.agents.learning.training import network, place

        return (MaskablePPO if self.masked else PPO)(
            "MlpPolicy",
            env,
            n_steps=self._rollout_steps(env.task),
            batch_size=self.batch_size,
            n_epochs=self.epochs,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            ent_coef=self.entropy,
            learning_rate=LinearSchedule(self.learning_rate, 0.0, 1.0) if self.anneal else self.learning_rate,
            policy_kwargs=network(env.task, self.layers, self._read(env.task)),
            stats_window_size=self.learners,
            seed=seed,
            device=place(self.device),
        )

    def _read(self, task: Task) -> Sequence[str] | None:
        """The features that the network reads; one that begins as a rule reads by default what rules do."""
        from coursewright.agents.learning.network import default_features

        if self.features is not None or self.imitate is None:
            return self.features
        wanted = dict.fromkeys((*default_features(task.layout), *READS))
        return [name for name in wanted if name in task.layout.features]

    def _schedule(self, model: Any, taken: float) -> None:
        if self.anneal:
            model.ent_coef = self.entropy * (1.0 - taken)

    def _steps_as_a_rule(self, task: Task) -> int:
        share = self.imitate_for
        if share is None:
            share = OF_FEW if task.n_actions <= FEW else OF_MANY
        return int(share * self.steps)

    def _rollout_steps(self, task: Task) -> int:
        """Steps per learner and rollout; a batch of one is refused, for its advantage has no deviation."""
        steps = self.n_steps or (2 * task.horizon if task.horizon < SHORT else task.horizon)
        transitions = steps * self.learners
        if transitions % self.batch_size == 1:
            many = f"a size that leaves no last batch of a single transition ({transitions} per rollout)"
            raise reject("agent.batch_size", self.batch_size, many)
        return steps
