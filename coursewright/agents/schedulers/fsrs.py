"""FSRS at a desired retention, and the threshold on recall: an item is due when it has faded so far."""

from dataclasses import dataclass

import numpy as np

from coursewright.agents.options import between, switches
from coursewright.agents.rule import RulePolicy
from coursewright.agents.schedulers.by_memory import (
    RecallPlan,
    believed_memory,
    check_order,
    recall_policy,
)
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.memory.answered import Memory


@dataclass(frozen=True)
class Steady:
    """The same recall for every item."""

    recall: float

    def __call__(self, memory: Memory, learners: object, item: Ints) -> Floats:
        """See `Aim`."""
        return np.full(len(item), self.recall)


@dataclass(frozen=True)
class FsrsRetention:
    """FSRS (open-spaced-repetition): a review is due when believed recall is down to the desired `retention`.

    Due items come before new ones: with the `order` "recall" the one furthest below the retention first, with
    "day" the longest overdue, as in Anki; where more is due than there are steps, that is far better.
    Raises `InputError` for a retention that is no probability in (0, 1), and for an unknown order.
    """

    retention: float = 0.9
    new_first: bool = True
    order: str = "day"

    def __post_init__(self) -> None:
        between(0.0, 1.0, retention=self.retention)
        check_order(self.order)
        switches(new_first=self.new_first)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` for a tutor that thinks by no memory, or a task without dates."""
        plan = RecallPlan(believed_memory("fsrs", task), Steady(float(self.retention)))
        return recall_policy("fsrs", task, plan, self.new_first, self.order)


@dataclass(frozen=True)
class RecallThreshold:
    """The item whose believed recall is nearest a threshold from below (after Reddy, Levine & Dragan 2017).

    Where nothing is below it, a new item comes; where there is none, the item nearest to it.
    Raises `InputError` for a recall that is no probability in (0, 1).
    """

    recall: float = 0.7
    new_first: bool = True

    def __post_init__(self) -> None:
        between(0.0, 1.0, recall=self.recall)
        switches(new_first=self.new_first)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` for a tutor that thinks by no memory, or a task without dates."""
        plan = RecallPlan(believed_memory("recall_threshold", task), Steady(float(self.recall)))
        return recall_policy("recall_threshold", task, plan, self.new_first, "nearest")
