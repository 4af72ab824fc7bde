"""The policy, which chooses the next item: Stable-Baselines3's `predict`, plus masks and per-learner luck."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from coursewright.envs.episodes import Episodes
from coursewright.envs.features import Feature
from coursewright.envs.record import Records
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.luck import Luck


class Policy(Protocol):
    """Chooses an item for each learner of a batch from a tutor's observation.

    `respects_mask` declares that disallowed actions are never chosen; such a policy is run strictly.
    """

    @property
    def respects_mask(self) -> bool:
        """True where the policy only ever chooses allowed actions."""
        ...

    def begin(self, luck: Luck) -> Any:
        """The policy's state for a new batch of learners; draws are keyed by `luck`."""
        ...

    def predict(
        self,
        observation: Observation,
        state: Any = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Any]:
        """Actions `[batch]` for `observation [batch, columns]`, and the next state.

        Copy the arrays that are kept: a mask changes with the next step, a wide observation with the one
        after it.
        """
        ...


@runtime_checkable
class Oracle(Protocol):
    """A policy that reads latent state.  Its name in every table carries the word oracle."""

    def watch(self, episodes: Episodes) -> None:
        """Be given the running episodes before the first choice."""
        ...


@runtime_checkable
class Consulting(Protocol):
    """A policy that may go by the tutor's whole record of the learners, and by nothing else of them."""

    def consult(self, records: Records) -> None:
        """Be given the running records before the first choice."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A policy that tells the probability of its choices, as a log for off-policy evaluation records it."""

    def chances(
        self, observation: Observation, state: Any, action_masks: Bools | None, deterministic: bool = True
    ) -> Floats | None:
        """P(action) `[batch, actions]` of the choice that `predict` makes of the same; None: unknown."""
        ...


@runtime_checkable
class Reading(Protocol):
    """A policy that names the features of its observation, which may be more than the task's own."""

    @property
    def reads(self) -> Sequence[str | Feature]:
        """The features of the observation that `predict` is given."""
        ...


@runtime_checkable
class Glancing(Protocol):
    """A policy that may look at an observation which changes with the next step."""

    @property
    def glances(self) -> bool:
        """True where `predict` neither keeps nor returns any part of its observation."""
        ...


def attend(policy: Policy, episodes: Episodes) -> None:
    """Show a policy the episodes that have begun: an oracle the learners, any other the tutor's records."""
    if isinstance(policy, Oracle):
        policy.watch(episodes)
    elif isinstance(policy, Consulting):
        policy.consult(episodes.records)


def seen_by(task: Task, policy: Policy) -> Task:
    """The task with the observation that this policy reads."""
    if not isinstance(policy, Reading) or tuple(policy.reads) == tuple(task.features):
        return task
    return replace(task, features=policy.reads)


Policies = Mapping[str, Policy]
