"""Proximal policy optimisation, blind to masks or among the allowed actions only.

Torch is imported where it is trained with: options are checked without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coursewright.agents.learning import on_policy
from coursewright.agents.learning.algorithm import Algorithm, actor
from coursewright.agents.learning.teacher import Teacher
from coursewright.agents.options import at_least, not_negative, switches
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.learning.vec_env import LearnersVecEnv


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
        the two on tuning learners, or an agent that makes a rule; None: it begins with nothing.
    imitate_for : over this share of the steps; None: .1, and .3 where there are more than 50 actions.
    privileged_critic : True where the value network sees the learners' true mastery, in training alone; the
        policy never does.
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
    privileged_critic: bool = False
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
        on_policy.check(self)
        at_least(1, epochs=self.epochs)
        at_least(2, batch_size=self.batch_size)
        not_negative(entropy=self.entropy)
        switches(masked=self.masked)

    @property
    def name(self) -> str:
        """The agent's name in messages and files."""
        return "maskable_ppo" if self.masked else "ppo"

    @property
    def algorithm(self) -> Algorithm:
        """MaskablePPO where `masked`, otherwise PPO."""
        from sb3_contrib import MaskablePPO
        from stable_baselines3 import PPO

        schedule = on_policy.falling(self.entropy, self.anneal)
        warm = on_policy.warm_start(self)
        return Algorithm(
            self.name,
            MaskablePPO if self.masked else PPO,
            actor,
            masks=self.masked,
            beside=on_policy.beside(self),
            schedule=schedule,
            warm_start=warm,
        )

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> "TrainedPolicy":
        """Train on the task's training learners; one seed makes one set of weights."""
        from coursewright.agents.learning.training import train

        return train(self, task, seed, tracker)

    def refuse(self, task: Task) -> None:
        """Refuse a task that it cannot be trained on, before anything is made."""
        on_policy.refuse(self, task)
        on_policy.refuse_a_single_one(self, task, self.batch_size)

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step."""
        from sb3_contrib import MaskablePPO
        from stable_baselines3 import PPO

        from coursewright.agents.learning.training import network, place

        model = (MaskablePPO if self.masked else PPO)(
            "MlpPolicy",
            env,
            n_steps=on_policy.rollout_steps(self, env.task),
            batch_size=self.batch_size,
            n_epochs=self.epochs,
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
