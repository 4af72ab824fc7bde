"""Expected gain: the item from which the goal is expected to profit most at once, by the tutor's belief."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coursewright.agents.choosing import allowed_items, bears_on_goal, leads_to
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.course import Lists
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import Luck


@kernel
def _most_gain(
    observation: Observation,
    stride: int,
    belief_at: int,
    goal_at: int,
    learn: Floats,
    needed_start: Ints,
    needed: Ints,
    leads_start: Ints,
    leads: Ints,
    allowed: Bools,
    out: Ints,
) -> None:
    """Two passes: gain in goal skills; where that is 0 everywhere, gain in what leads to them."""
    for i in range(out.shape[0]):
        best = 0.0
        out[i] = -1
        for indirect in range(2):
            if best > 0.0:
                break
            for a in range(allowed.shape[1]):
                if not allowed[i, a]:
                    continue
                if out[i] < 0:
                    out[i] = a
                gain = 0.0
                for j in range(needed_start[a], needed_start[a + 1]):
                    k = needed[j]
                    counts = observation[i, k * stride + goal_at] > 0.0
                    if indirect == 1:
                        counts = bears_on_goal(observation, i, k, stride, goal_at, leads_start, leads)
                    if counts:
                        gain += (1.0 - float(observation[i, k * stride + belief_at])) * learn[k]
                if gain > best:
                    best = gain
                    out[i] = a
        out[i] = max(out[i], 0)


@dataclass(frozen=True, eq=False)
class ExpectedGain:
    """argmax over the allowed items of the sum, over the item's goal skills, of (1 - belief) P(T)."""

    task: Task
    learn: Floats
    respects_mask: bool = True

    def __post_init__(self) -> None:
        self.task.layout.require("expected gain", "belief", "goal")

    @cached_property
    def leads(self) -> Lists:
        """See `choosing.leads_to`."""
        return leads_to(self.task.course)

    def begin(self, luck: Luck) -> None:
        """Nothing to remember."""

    def predict(
        self,
        observation: Observation,
        state: None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, None]:
        """Items `[batch]`."""
        course, layout = self.task.course, self.task.layout
        belief, goal = layout.columns("belief"), layout.columns("goal")
        item = np.empty(len(observation), np.int64)
        allowed = allowed_items(action_masks, len(observation), course.n_items)
        _most_gain(
            observation,
            belief.step,
            belief.start,
            goal.start,
            self.learn,
            *course.needed,
            *self.leads,
            allowed,
            item,
        )
        return item, None


def expected_gain(task: Task, seed: int, tracker: Tracker) -> ExpectedGain:
    """The allowed item with the highest expected gain in goal mastery, one step ahead.

    For BKT that gain is the sum, over the item's goal skills, of (1 - belief) P(T), with the tutor's
    own parameters.  Of equals, the item listed first is taken.  Where no allowed item promises
    anything (all goal skills are locked, or believed known beyond doubt), skills that lead to a goal
    skill count like goal skills; where that promises nothing either, the first allowed item is taken.

    Raises `InputError` where the task has no tutor, or lacks `belief` or `goal`.
    """
    if task.tutor is None:
        raise reject("task.tutor", None, "BKT parameters, because expected gain is computed from them")
    return ExpectedGain(task, np.ascontiguousarray(task.tutor.learn[0]))
