"""The course that a log is about: its items, its skills, and which item needs which."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.log import codes
from coursewright.simulators.course import Course
from coursewright.simulators.parameters import Floats


def course_of(table: pa.Table) -> Course:
    """The items and skills of `table` [rows] in sorted order, without prerequisites.

    An item needs every skill that any of its rows names.  It takes the median of its rows' `minutes` where
    the log has them, and 1 minute elsewhere.
    """
    item, items = codes(table["item"])
    skill, skills = codes(pc.list_flatten(table["skills"]))
    q_matrix = np.zeros((len(items), len(skills)), bool)
    q_matrix[item[pc.list_parent_indices(table["skills"]).to_numpy()], skill] = True
    return Course(
        skills=skills,
        items=items,
        q_matrix=q_matrix,
        prerequisites=np.zeros((len(skills), len(skills)), bool),
        minutes=_minutes(table, item, len(items)),
        difficulty=np.zeros(len(items)),
        kind=("practice",) * len(items),
        format=("text",) * len(items),
    )


def _minutes(table: pa.Table, item: np.ndarray, n_items: int) -> Floats:
    minutes = np.ones(n_items)
    if "minutes" in table.column_names:
        spent = pd.Series(table["minutes"].to_numpy())
        typical = spent[spent > 0.0].groupby(item[(spent > 0.0).to_numpy()]).median()
        minutes[typical.index.to_numpy()] = typical.to_numpy()
    return minutes
