"""The view of a step that a reward may look at, and the check of a reward of one's own."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from coursewright.envs.functions import called
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.protocol import Response

PAID = "a function that returns a finite number for each learner, [batch]"


class Taught(Protocol):
    """A batch of learners around one step, without their latent state; `[batch]` unless it says otherwise."""

    @property
    def goal(self) -> Bools:
        """Each learner's goal, bool `[batch, skills]`."""
        ...

    @property
    def goal_size(self) -> Ints:
        """The number of goal skills, `[batch]`."""
        ...

    @property
    def start(self) -> Mastery:
        """Mastery when the episode began, `[batch, skills]`."""
        ...

    @property
    def mastered_at(self) -> float:
        """Mastery at or above which a skill counts as mastered."""
        ...

    @property
    def item(self) -> Ints:
        """The item given, `[batch]`; -1: none, for the episode had ended or was stopped."""
        ...

    @property
    def response(self) -> Response:
        """The learners' answers."""
        ...

    @property
    def days(self) -> Floats:
        """Days that passed after the step."""
        ...

    @property
    def refused(self) -> Bools:
        """True where the choice was a disallowed one, `[batch]`."""
        ...

    @property
    def over(self) -> Bools:
        """True where the episode has ended, `[batch]`."""
        ...

    def post_test(self, answers: int, days: float = 0.0) -> Floats:
        """Fraction right of a test with `answers` per goal skill, after `days` more days."""
        ...


Reward = Callable[[Mastery, Mastery, Taught], Floats]
"""(before, after, taught) -> `[batch]`; mastery `[batch, skills]` around the step."""


class View:
    """A `Taught` and nothing else: rewards of one's own find no latent state behind it."""

    def __init__(self, taught: Taught) -> None:
        self.goal, self.goal_size = taught.goal, taught.goal_size
        self.start, self.mastered_at = taught.start, taught.mastered_at
        self.item, self.response, self.days = taught.item, taught.response, taught.days
        self.refused, self.over = taught.refused, taught.over
        self.post_test = taught.post_test


def checked_reward(reward: Reward, before: Mastery, after: Mastery, taught: Taught, ended: Bools) -> Floats:
    """The rewards `[batch]` of a function of one's own; 0 in rows that had `ended` before.

    Raises `InputError` where it does not return a finite number for each of the others.
    """
    given = np.asarray(reward(before, after, taught))
    if given.shape != ended.shape or given.dtype.kind not in "biuf":
        told = f"{given.dtype} of shape {list(given.shape)} for {len(ended)} learners"
        raise reject("task.reward", f"{called(reward)} (it returned {told})", PAID)
    paid = np.where(ended, 0.0, given.astype(np.float64))
    if not np.isfinite(paid).all():
        row = int(np.argmin(np.isfinite(paid)))
        raise reject("task.reward", f"{called(reward)} (it returned {paid[row]} for learner {row})", PAID)
    return paid
