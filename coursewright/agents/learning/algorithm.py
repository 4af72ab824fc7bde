"""The differences between Stable-Baselines3's algorithms, gathered in one value.

Training, checkpoints, saved policies and exports read it, so a new algorithm is one file beside
`ppo` and `dqn` (or in a package of your own) and one YAML.
"""

from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from coursewright.agents.options import at_least, feature_names, positive, widths
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task
from coursewright.errors import reject

if TYPE_CHECKING:  # an agent's options are checked without torch, which takes seconds to import
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import nn

    from coursewright.agents.learning.vec_env import LearnersVecEnv

MOST_THREADS = 1024


class WarmStart(NamedTuple):
    """A rule to imitate first: the `teacher` of a task (None: nobody), for so many environment `steps`."""

    teacher: Callable[[Task], Policy | None]
    steps: Callable[[Task], int]


@dataclass(frozen=True)
class Algorithm:
    """An algorithm of Stable-Baselines3's kind.

    Attributes
    ----------
    name : its name in labels, progress lines and errors.
    kind : its class.
    scores : of a model's policy, the layers from observations `[batch, columns]` to one score per action
        `[batch, actions]`; see `actor`.  With a memory `[batch, units]`, hidden and cell state go in and out.
    stochastic : True where scores are logits to draw from; otherwise they are values to maximise.
    masks : True where it takes masks of allowed actions, in training and in `predict`.
    beside : further columns of the observations in training, see `vec_env.BESIDE`.
    memory : units of the hidden and of the cell state that its policy carries from step to step; 0: none.
    counters : attributes of the model, besides those of every model, that change in training; numbers
        only.  One that is missing here shows as a resumed training with other bits.
    carried : attributes of the model besides its parameters that hold tensors and change in training.
    schedule : what changes with the share of steps that were taken, besides the learning rate; it is given
        the model and that share before every rollout.
    warm_start : what is imitated before training, by actor-critic models alone (see `imitation`).
    reads : of a network that serves any course, the features of a task that it reads; None: it serves one.
    """

    name: str
    kind: "type[BaseAlgorithm]"
    scores: "Callable[[Any], nn.Module]"
    stochastic: bool = True
    masks: bool = False
    beside: tuple[str, ...] = ()
    memory: int = 0
    counters: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    schedule: "Callable[[Any, float], None] | None" = None
    warm_start: WarmStart | None = None
    reads: Callable[[Task], tuple[str, ...]] | None = None


class Trainable(Protocol):
    """An agent that trains a network: a frozen dataclass with the options of its algorithm as fields."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def algorithm(self) -> Algorithm:
        """The Stable-Baselines3 algorithm that is trained."""
        ...

    @property
    def steps(self) -> int:
        """Environment steps over all learners."""
        ...

    @property
    def learners(self) -> int:
        """The number of learners taught at once."""
        ...

    @property
    def threads(self) -> int:
        """The number of torch's threads."""
        ...

    @property
    def learning_rate(self) -> float:
        """The size of a step of the weights."""
        ...

    @property
    def features(self) -> Sequence[str] | None:
        """The features that the network reads; None: the default ones."""
        ...

    @property
    def device(self) -> str:
        """The device on which the network is trained, by torch's name."""
        ...

    @property
    def checkpoint_every(self) -> int:
        """Steps between two checkpoints."""
        ...

    def untrained(self, env: "LearnersVecEnv", seed: int) -> "BaseAlgorithm":
        """The model before its first step; training begins with it, and saved weights are put into it."""
        ...


def options_of(agent: Trainable) -> dict[str, Any]:
    """The agent's options as plain values by name; a rule to imitate stands there in words."""
    return {field.name: _plain(getattr(agent, field.name)) for field in fields(agent)}


def _plain(value: Any) -> Any:
    if not callable(value):
        return value
    return repr(value) if is_dataclass(value) else type(value).__qualname__


def check(agent: Trainable) -> None:
    """Check the options of every agent that trains, in its `__post_init__`; its lists become tuples.

    Raises `InputError` for an option out of range.
    """
    at_least(1, steps=agent.steps, learners=agent.learners, threads=agent.threads)
    at_least(1, checkpoint_every=agent.checkpoint_every)
    if agent.threads > MOST_THREADS:
        raise reject("agent.threads", agent.threads, f"a whole number from 1 to {MOST_THREADS:,}")
    positive(learning_rate=agent.learning_rate)
    if (layers := getattr(agent, "layers", None)) is not None:  # a graph has none
        object.__setattr__(agent, "layers", widths(layers))
    object.__setattr__(agent, "features", feature_names(agent.features))


def actor(policy: Any) -> "nn.Module":
    """The layers that choose in an actor-critic policy (PPO, A2C, TRPO): its scores are logits."""
    from torch import nn

    body = policy.mlp_extractor.policy_net
    return nn.Sequential(policy.pi_features_extractor, body, policy.action_net)
