"""Agents whose trained policies are small files of numbers, which any task of the same kind can read back."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from coursewright.agents.tracker import Tracker
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task


@runtime_checkable
class Stored(Protocol):
    """An agent that trains, other than a network: its policy is kept in a run's folder as JSON."""

    def __call__(self, task: Task, seed: int, tracker: Tracker) -> "StoredPolicy":
        """Train a policy."""
        ...

    def load(self, path: str | Path, task: Task) -> Policy:
        """The policy of such an agent from its file; an `InputError` where it is none, or not this task's."""
        ...


@runtime_checkable
class StoredPolicy(Policy, Protocol):
    """A trained policy that writes itself to a file of JSON."""

    def save(self, path: str | Path) -> None:
        """Write the policy."""
        ...
