"""The course that a log speaks of: its skills, its items, and what each item needs."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.log import codes
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course


def course_of(table: pa.Table, difficulty: Floats | None = None) -> Course:
    """The items and skills of a log `[rows]`, each sorted by id, without prerequisites.

    An item needs every skill that any of its rows names; it takes the median of its `minutes`, and 1 where
    none are known.  `difficulty [items]` is in the same order.
    """
    item, items = codes(table["item"])
    skill, skills = codes(pc.list_flatten(table["skills"]))
    parent = pc.list_parent_indices(table["skills"]).to_numpy()
    q_matrix = np.zeros((len(items), len(skills)), bool)
    q_matrix[item[parent], skill] = True
    return Course(
        skills=skills,
        items=items,
        q_matrix=q_matrix,
        prerequisites=np.zeros((len(skills), len(skills)), bool),
        minutes=_minutes(table, item, len(items)),
        difficulty=np.zeros(len(items)) if difficulty is None else np.array(difficulty, np.float64),
        kind=("practice",) * len(items),
        format=("text",) * len(items),
    )


def _minutes(table: pa.Table, item: np.ndarray, items: int) -> Floats:
    median = np.ones(items)
    if "minutes" in table.column_names:
        taken = table["minutes"].to_numpy()
        known = taken > 0.0  # nulls are nan, and nobody answers in no time
        order = np.argsort(item[known], kind="stable")
        found, first = np.unique(item[known][order], return_index=True)
        for at, own in zip(found, np.split(taken[known][order], first[1:]), strict=False):
            median[at] = np.median(own)
    return median
