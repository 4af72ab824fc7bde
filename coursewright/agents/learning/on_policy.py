"""The parts that PPO, A2C, TRPO and recurrent PPO share: rollouts, a falling rate, and a rule to begin as."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from coursewright.agents.learning import algorithm, teacher
from coursewright.agents.learning.algorithm import Trainable, WarmStart
from coursewright.agents.learning.teacher import READS, Teacher
from coursewright.agents.options import at_least, shares, switches
from coursewright.envs.task import Task
from coursewright.errors import reject

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.type_aliases import Schedule

FEW = 50  # actions
# Shares of the steps: among many actions a rule is longer in the learning.
OF_FEW, OF_MANY = 0.1, 0.3
SHORT = 20  # episodes shorter than this are collected two at a time


class OnPolicy(Trainable, Protocol):
    """An agent that learns from rollouts of its own policy; see `ppo.Ppo` for the options."""

    @property
    def imitate(self) -> Teacher | None:
        """A rule that the network first learns to choose as."""
        ...

    @property
    def imitate_for(self) -> float | None:
        """The share of the steps in which it does."""
        ...

    @property
    def privileged_critic(self) -> bool:
        """True where the value network sees the true mastery in training."""
        ...

    @property
    def n_steps(self) -> int | None:
        """Steps per learner and rollout."""
        ...

    @property
    def gamma(self) -> float:
        """Discount a step."""
        ...

    @property
    def gae_lambda(self) -> float:
        """Bias against variance of the advantage."""
        ...

    @property
    def anneal(self) -> bool:
        """True where the learning rate falls to 0."""
        ...


def check(agent: OnPolicy) -> None:
    """Check the options that these agents share, in their `__post_init__`."""
    algorithm.check(agent)
    at_least(1, n_steps=1 if agent.n_steps is None else agent.n_steps)
    shares(gamma=agent.gamma, gae_lambda=agent.gae_lambda)
    shares(imitate_for=OF_FEW if agent.imitate_for is None else agent.imitate_for)
    teacher.check(agent.imitate)
    switches(anneal=agent.anneal, privileged_critic=agent.privileged_critic)


def refuse(agent: OnPolicy, task: Task) -> None:
    """Refuse a task in which the rule that is to be imitated cannot teach, before anything is made."""
    if agent.imitate is not None:
        teacher.refuse_unable(agent.imitate, task)


def warm_start(agent: OnPolicy) -> WarmStart | None:
    """The rule that is imitated first, if any."""
    if agent.imitate is None:
        return None
    return WarmStart(partial(teacher.teacher, agent.imitate), partial(steps_as_a_rule, agent))


def steps_as_a_rule(agent: OnPolicy, task: Task) -> int:
    """Environment steps of imitation."""
    share = agent.imitate_for
    if share is None:
        share = OF_FEW if task.n_actions <= FEW else OF_MANY
    return int(share * agent.steps)


def read(agent: OnPolicy, task: Task) -> Sequence[str] | None:
    """The features that the network reads; one that begins as a rule reads by default what rules do."""
    from coursewright.agents.learning.network import default_features

    if agent.features is not None or agent.imitate is None:
        return agent.features
    wanted = dict.fromkeys((*default_features(task.layout), *READS))
    return [name for name in wanted if name in task.layout.features]


def beside(agent: OnPolicy) -> tuple[str, ...]:
    """`Algorithm.beside`: the columns that the value network alone sees."""
    return ("mastery",) if agent.privileged_critic else ()


def rollout_steps(agent: OnPolicy, task: Task) -> int:
    """Steps per learner and rollout; where `n_steps` is None an episode, or two where it is short."""
    return agent.n_steps or (2 * task.horizon if task.horizon < SHORT else task.horizon)


def refuse_a_single_one(agent: OnPolicy, task: Task, batch_size: int) -> None:
    """Refuse a last batch of one transition, for its advantage has no deviation."""
    transitions = rollout_steps(agent, task) * agent.learners
    if transitions % batch_size == 1:
        many = f"a size that leaves no last batch of a single transition ({transitions} per rollout)"
        raise reject("agent.batch_size", batch_size, many)


def rate(agent: OnPolicy) -> "float | Schedule":
    """The learning rate; it falls linearly to 0 where it is annealed."""
    from stable_baselines3.common.utils import LinearSchedule

    return LinearSchedule(agent.learning_rate, 0.0, 1.0) if agent.anneal else agent.learning_rate


def falling(entropy: float, anneal: bool) -> Callable[[Any, float], None] | None:
    """An `Algorithm.schedule` that lets the weight of the entropy bonus fall to 0 where it is annealed."""

    def schedule(model: Any, taken: float) -> None:
        model.ent_coef = entropy * (1.0 - taken)

    return schedule if anneal else None


def ready(agent: OnPolicy, model: "BaseAlgorithm", task: Task) -> "BaseAlgorithm":
    """The untrained model, whose critic sees the true mastery where that is asked for."""
    if agent.privileged_critic:
        from coursewright.agents.learning.privileged import let_critic_see

        let_critic_see(model, task, read(agent, task))
    return model
