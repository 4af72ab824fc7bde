"""Teaching along the outer fringe of the skills believed to be mastered (Knowledge Space Theory, ALEKS)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from coursewright.agents.rule import Nothing, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import Luck

BEYOND, FRINGE, MASTERED = range(3)  # the places of a skill


@kernel
def _places(belief: Observation, level: np.float32, parents: Lists, out: Ints) -> None:
    """The place of each skill, `[batch, skills]`: MASTERED, FRINGE or BEYOND."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            if belief[i, k] >= level:
                out[i, k] = MASTERED
                continue
            out[i, k] = FRINGE
            for j in range(parents.start[k], parents.start[k + 1]):
                if belief[i, parents.values[j]] < level:
                    out[i, k] = BEYOND


@kernel
def _narrow(place: Ints, needs: Lists, items: Bools) -> None:
    """Narrow `items [batch, items]` to those that teach at the fringe; rows without one stay."""
    for i in range(items.shape[0]):
        some = False
        for a in range(items.shape[1]):
            some = some or (items[i, a] and _teaches(i, a, place, needs))
        if some:
            for a in range(items.shape[1]):
                items[i, a] = items[i, a] and _teaches(i, a, place, needs)


@inlined
def _teaches(i: int, a: int, place: Ints, needs: Lists) -> bool:
    """True where item a needs a skill of the fringe, and none that is beyond it."""
    at_fringe, beyond = False, False
    for j in range(needs.start[a], needs.start[a + 1]):
        at_fringe |= place[i, needs.values[j]] == FRINGE
        beyond |= place[i, needs.values[j]] == BEYOND
    return at_fringe and not beyond


@dataclass(frozen=True)
class OuterFringeRule:
    """A uniform item among those that bear on the goal and teach at the outer fringe.

    A skill is in the fringe if it is believed unmastered and all its prerequisites mastered.  An item
    counts if it needs a skill in the fringe and otherwise only mastered ones or more of the fringe.
    Where no such item is allowed, any allowed one that bears on the goal is asked.

    Attributes
    ----------
    level : the belief at which a skill counts as mastered.
    """

    level: float
    needs: ClassVar[tuple[str, ...]] = ("goal", "belief")

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        place = np.empty(seen["belief"].shape, np.int64)
        _places(seen["belief"], np.float32(self.level), seen.course.parents, place)
        best = seen.open.copy()
        _narrow(place, seen.course.needs, best)
        return seen.draw(best), memory


@dataclass(frozen=True)
class OuterFringe:
    """Skills whose prerequisites are believed mastered and that are not, all equally likely.

    Doignon & Falmagne, "Knowledge Spaces", Springer 1999; the belief is the tutor's.

    Raises `InputError` for a threshold outside (0, 1).
    """

    threshold: float = 0.95

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold < 1.0:
            raise reject("agent.threshold", self.threshold, "a probability in (0, 1)")

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` for a task without `belief` or `goal`."""
        return RulePolicy("outer_fringe", task, OuterFringeRule(self.threshold))
