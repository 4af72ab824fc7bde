"""The course of a tutor's model, as seen from the course that is taught.

A model that was fitted to a log knows the items and skills of that log, in an order of its own.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.lists import Lists

ABSENT = -1


@dataclass(frozen=True, eq=False)
class Matched:
    """Two courses whose items and skills are the same where they have the same name.

    Raises `InputError` where the model knows no item, or a skill less, of the course that is taught.
    """

    taught: Course
    model: Course

    def __post_init__(self) -> None:
        if (self.item == ABSENT).all():
            few = ", ".join(self.model.items[:3])
            raise reject(
                "tutor", "this model", f"one of the course's items, and it is of others ({few}, ...)"
            )
        missing = np.flatnonzero(self.skill == ABSENT)
        if len(missing):
            name = self.taught.skills[missing[0]]
            raise reject("tutor", "this model", f"one of all the course's skills, and it lacks {name!r}")

    @cached_property
    def item(self) -> Ints:
        """The model's number of each item that is taught, `[items]`; -1 where it knows none."""
        return _places(self.taught.items, self.model.items)

    @cached_property
    def skill(self) -> Ints:
        """The model's number of each skill that is taught, `[skills]`."""
        return _places(self.taught.skills, self.model.skills)

    @cached_property
    def needs(self) -> Lists:
        """The model's skills of each of the model's items."""
        return self.model.needs

    def of_items(self, item: Ints) -> Ints:
        """The model's numbers of these items `[batch]`; -1 stays."""
        return np.where(item >= 0, self.item[item], ABSENT)

    def goal(self, goal: Bools) -> Floats:
        """The share of each of the model's skills in mean mastery of the goal, `[batch, model's skills]`."""
        share = np.zeros((len(goal), self.model.n_skills))
        share[:, self.skill] = goal / np.maximum(goal.sum(axis=1, keepdims=True), 1)
        return share


def _places(names: tuple[str, ...], among: tuple[str, ...]) -> Ints:
    place = {name: at for at, name in enumerate(among)}
    return np.array([place.get(name, ABSENT) for name in names], np.int64)
