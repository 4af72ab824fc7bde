"""The view of a step that a reward may look at."""

from collections.abc import Callable
from typing import Protocol

from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.protocol import Response


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
