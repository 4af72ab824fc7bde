"""Teaching along the outer fringe of what is believed to be mastered (Knowledge Space Theory, ALEKS)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from coursewright.agents.rule import Nothing, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Ints
from coursewright.simulators.luck import Luck


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
        course = seen.course
        mastered = seen["belief"] >= np.float32(self.level)
        fringe = ~mastered & ~(~mastered @ course.prerequisites)
        best: Bools = seen.open & (fringe @ course.q_matrix.T)
        best &= ~(~(mastered | fringe) @ course.q_matrix.T)
        none = ~best.any(axis=1)
        best[none] = seen.open[none]
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
