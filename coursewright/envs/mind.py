"""A tutor's mind: the learner model by which a tutor believes things of learners it cannot look into.

Records keep its state beside the history, and show what it believes as features: `expected_mastery` by
skill, `chance`, `gain` and `stability` by item.  The minds themselves are in `agents/beliefs/`.
"""

from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.simulators.arrays import Bools, Floats, Ints

Keys = npt.NDArray[np.uint64]
S = TypeVar("S", bound=tuple)  # type: ignore[type-arg]


class Mind(Protocol[S]):
    """Beliefs about a batch of learners; the state `S` is a NamedTuple of arrays, changed in place.

    Row i depends on the record of learner i alone.  No mind may look at the learner, only at its record.
    """

    @property
    def tells(self) -> tuple[str, ...]:
        """The features that it can show."""
        ...

    def empty(self, batch: int) -> S:
        """A state with safe values everywhere; its arrays begin with `batch`, or a multiple of it."""
        ...

    def open(self, state: S, rows: Ints, past: Past, key: Keys) -> None:
        """Begin anew in `rows`: learners of whom only their visible `past [rows, width]` is known.

        `key [rows]` is for draws of the mind's own; the learner's luck cannot be told from it.
        """
        ...

    def update(self, state: S, event: Event) -> None:
        """Learn from one response in each row, and from the days that passed after it."""
        ...

    def known(self, state: S, rows: Ints, out: Floats) -> None:
        """Expected mastery of these learners now, `[rows, skills]`."""
        ...

    def chances(self, state: S, rows: Ints, out: Floats) -> None:
        """P(correct) of every item if it were asked now, `[rows, items]`."""
        ...

    def gains(self, state: S, rows: Ints, goal: Bools, out: Floats) -> None:
        """Expected gain in mean mastery over the `goal [rows, skills]` by one practice, `[rows, items]`."""
        ...


@runtime_checkable
class Lasting(Protocol):
    """A mind that may tell how long an item is remembered; its `tells` says if it does."""

    def stabilities(self, state: Any, rows: Ints, out: Floats) -> None:
        """Days from an item's last review until P(correct) is .9, `[rows, items]`; 0 of a new one."""
        ...


def show(mind: Mind[Any], state: Any, feature: str, rows: Ints, goal: Bools, out: Floats) -> None:
    """Write the mind's beliefs about these rows as this feature, `[rows, skills or items]`."""
    if feature == "expected_mastery":
        mind.known(state, rows, out)
    elif feature == "chance":
        mind.chances(state, rows, out)
    elif feature == "stability":
        assert isinstance(mind, Lasting)  # a task asks no other for it
        mind.stabilities(state, rows, out)
    else:
        mind.gains(state, rows, goal, out)
