"""Teaching along the outer fringe of what is believed to be mastered (Knowledge Space Theory, ALEKS)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coursewright.agents.choosing import (
    Turns,
    allowed_items,
    first_turns,
    leads_to,
    open_to_goal,
    uniform_items,
    unnamed,
)
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.course import Lists
from coursewright.simulators.luck import Luck


@dataclass(frozen=True, eq=False)
class OuterFringe:
    """A uniform item among those that bear on the goal and teach at the outer fringe.

    A skill is in the fringe if it is believed unmastered and all its prerequisites mastered.  An item
    counts if it needs a skill in the fringe and otherwise only mastered ones or more of the fringe.
    Where no such item is allowed, any allowed one that bears on the goal is asked.

    Attributes
    ----------
    level : the belief at which a skill counts as mastered.
    """

    task: Task
    level: float
    respects_mask: bool = True

    def __post_init__(self) -> None:
        self.task.layout.require("outer_fringe", "goal", "belief")

    @cached_property
    def leads(self) -> Lists:
        """See `choosing.leads_to`."""
        return leads_to(self.task.course)

    def begin(self, luck: Luck) -> Turns:
        """No turn taken."""
        return first_turns(luck)

    def predict(
        self,
        observation: Observation,
        state: Turns | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Turns]:
        """Items `[batch]`; `deterministic` changes nothing: to draw is the rule itself."""
        batch, course = len(observation), self.task.course
        turns = self.begin(unnamed(batch)) if state is None else state
        among = open_to_goal(
            self.task, self.leads, observation, allowed_items(action_masks, batch, course.n_items)
        )
        mastered = observation[:, self.task.layout.columns("belief")] >= np.float32(self.level)
        fringe = ~mastered & ~(~mastered @ course.prerequisites)
        best = among & (fringe @ course.q_matrix.T) & ~(~(mastered | fringe) @ course.q_matrix.T)
        none = ~best.any(axis=1)
        best[none] = among[none]
        item = uniform_items(turns, best)
        return item, turns.after(item)


def outer_fringe(task: Task, seed: int, tracker: Tracker, *, threshold: float = 0.95) -> OuterFringe:
    """Skills whose prerequisites are believed mastered and that are not, all equally likely.

    Doignon & Falmagne, "Knowledge Spaces", Springer 1999; the belief is the tutor's.

    Raises `InputError` for a threshold outside (0, 1), or a task without `belief` and `goal`.
    """
    if not 0.0 < threshold < 1.0:
        raise reject("agent.threshold", threshold, "a probability in (0, 1)")
    return OuterFringe(task, threshold)
