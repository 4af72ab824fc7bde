"""Minds from which learners can be drawn, for planners who try things out on imagined learners."""

from typing import Any, Protocol, runtime_checkable

from coursewright.envs.mind import Keys, Mind
from coursewright.simulators.arrays import Ints
from coursewright.simulators.protocol import Simulator


class Matching(Protocol):
    """The model's items and skills as the course that is taught names them; see `beliefs.matched`."""

    @property
    def item(self) -> Ints:
        """The model's number of each item that is taught, `[items]`; -1 where it knows none."""
        ...

    @property
    def skill(self) -> Ints:
        """The model's number of each skill that is taught, `[skills]`."""
        ...


@runtime_checkable
class Drawing(Mind[Any], Protocol):
    """A mind from which learners can be drawn, for a planner who tries things out on them.

    `averages` is True where the mind's expected mastery follows an imagined learner's answers cheaply, and
    with less noise than the learner's own mastery, which is all or nothing.
    """

    averages: bool

    @property
    def learners(self) -> Simulator[Any]:
        """The fitted learners that `draw` gives."""
        ...

    @property
    def matched(self) -> Matching:
        """Their course as seen from the course that is taught."""
        ...

    def draw(self, state: Any, rows: Ints, key: Keys) -> Any:
        """A state of `learners`: one for each of `rows`, who may repeat, as the mind believes them to be.

        The draws belong to `key [rows]`.
        """
        ...
