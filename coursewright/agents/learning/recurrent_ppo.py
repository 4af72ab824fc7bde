"""Proximal policy optimisation with a memory, blind to masks or among the allowed actions only.

Torch is imported where it is trained with: options are checked without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coursewright.agents.learning import on_policy
from coursewright.agents.learning.algorithm import Algorithm
from coursewright.agents.learning.teacher import Teacher
from coursewright.agents.options import at_least, not_negative, switches
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import nn

    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.learning.vec_env import LearnersVecEnv


def _remembering(policy: Any) -> "nn.Module":
    from coursewright.agents.learning.sequences import Remembering

    return Remembering(policy)


def _forgetting(policy: Any) -> "nn.Module":
    from coursewright.agents.learning.sequences import Forgetting

    return Forgetting(policy)


@dataclass(frozen=True)
class RecurrentPpo:
    """PPO whose policy remembers a learner's episode in an LSTM (Hochreiter & Schmidhuber 1997).

    Policy and values have an LSTM each (Ni et al. 2022, arXiv 2110.05038); hidden layers come after it.

    Attributes
    ----------
    units : of each LSTM.
    memory : False clears the LSTMs' state before every step, in training, in use and in files: the control
        that tells what the memory is worth.
    batch_size : transitions per update, in whole sequences: an update may look at some more or fewer.
    layers : widths of the hidden layers behind the LSTMs.
    the others : as in `ppo.Ppo`.

    Raises `InputError` as `ppo.Ppo` does.
    """

    masked: bool = False
    steps: int = 500_000
    imitate: Teacher | None = None
    imitate_for: float | None = None
    privileged_critic: bool = False
    learners: int = 256
    n_steps: int | None = None
    batch_size: int = 1024
    epochs: int = 2
    gamma: float = 1.0
    gae_lambda: float = 0.95
    entropy: float = 0.005
    learning_rate: float = 5e-3
    anneal: bool = True
    units: int = 64
    memory: bool = True
    layers: Sequence[int] = (64,)
    features: Sequence[str] | None = None
    threads: int = 1
    device: str = "cpu"
    checkpoint_every: int = 100_000

    def __post_init__(self) -> None:
        on_policy.check(self)
        at_least(1, epochs=self.epochs, units=self.units, batch_size=self.batch_size)
        not_negative(entropy=self.entropy)
        switches(masked=self.masked, memory=self.memory)

    @property
    def name(self) -> str:
        """The agent's name in messages and files."""
        return "maskable_recurrent_ppo" if self.masked else "recurrent_ppo"

    @property
    def algorithm(self) -> Algorithm:
        """Recurrent PPO of sb3-contrib, with masks where `masked`, and faster."""
        from coursewright.agents.learning.sequences import SequencePpo

        return Algorithm(
            self.name,
            SequencePpo,
            _remembering if self.memory else _forgetting,
            masks=self.masked,
            beside=("mask",) * self.masked + on_policy.beside(self),
            memory=self.units if self.memory else 0,
            carried=("_last_lstm_states",),
            schedule=on_policy.falling(self.entropy, self.anneal),
            warm_start=on_policy.warm_start(self),
        )

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> "TrainedPolicy":
        """Train on the task's training learners; one seed makes one set of weights."""
        from coursewright.agents.learning.training import train

        return train(self, task, seed, tracker)

    def refuse(self, task: Task) -> None:
        """Refuse a task that it cannot be trained on, before anything is made."""
        on_policy.refuse(self, task)

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step."""
        from coursewright.agents.learning.sequences import SequencePolicy, SequencePpo
        from coursewright.agents.learning.training import network, place

        task = env.task
        layers = network(task, self.layers, on_policy.read(self, task)) | {"lstm_hidden_size": self.units}
        model = SequencePpo(
            SequencePolicy,
            env,
            n_steps=on_policy.rollout_steps(self, task),
            batch_size=self.batch_size,
            n_epochs=self.epochs,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            ent_coef=self.entropy,
            learning_rate=on_policy.rate(self),
            normalize_advantage=False,  # `Sequences` does it
            policy_kwargs=layers,
            stats_window_size=self.learners,
            seed=seed,
            device=place(self.device),
        )
        policy: Any = model.policy
        policy.forgets = not self.memory
        if self.masked:
            policy.mask_from = task.layout.width
        return on_policy.ready(self, model, task)
