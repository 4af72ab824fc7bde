"""A course as numbers that a network takes beside its observation, so that one network serves any course.

Nothing here is `skills x skills`: edges and the skills of items are lists.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coursewright.envs.features import Axis
from coursewright.envs.layout import Layout
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Ints, Observation
from coursewright.simulators.lists import pairs

BELIEF = "belief"
FACTS = 4  # of a skill: the tutor's P(L0), P(T), P(G), P(S)


class OnCourse(NamedTuple):
    """The places of features in an observation, and the course: inputs of an exported file, by these names.

    Attributes
    ----------
    skill_columns, item_columns, shared_columns : columns of the observation, `[skills, features of skills]`,
        `[items, features of items]` and `[shared features]`.
    facts : the tutor's parameters of each skill, `[skills, FACTS]`, where a belief is read.
    before, after : the prerequisites, `[edges]`: skill `before` comes directly before skill `after`.
    item, skill : the skills of the items, `[pairs]`.
    """

    skill_columns: Ints
    item_columns: Ints
    shared_columns: Ints
    facts: Observation
    before: Ints
    after: Ints
    item: Ints
    skill: Ints


def axis_of(layout: Layout, axis: Axis, reads: Sequence[str]) -> list[str]:
    """The features of an axis among those that are read."""
    return [name for name in reads if layout.record(name).axis == axis]


def on_course(task: Task, reads: Sequence[str]) -> OnCourse:
    """The task's course for a network that reads these features."""
    layout, course = task.layout, task.course
    here = np.arange(layout.width)

    def columns(axis: Axis, rows: int) -> Ints:
        names = axis_of(layout, axis, reads)
        table = [here[layout.columns(name)] for name in names]
        return np.stack(table, axis=1) if names else np.zeros((rows, 0), np.int64)

    facts = np.zeros((course.n_skills, 0), np.float32)
    if BELIEF in reads and task.tutor is not None:
        tutor = task.tutor
        table = (tutor.prior[0], tutor.learn[0], tutor.guess[0], tutor.slip[0])
        facts = np.stack(table, axis=1).astype(np.float32)
    after, before = pairs(course.parents)
    item, skill = pairs(course.needs)
    shared = columns("shared", 1).ravel()
    return OnCourse(
        columns("skill", course.n_skills),
        columns("item", course.n_items),
        shared,
        facts,
        before,
        after,
        item,
        skill,
    )
