"""A prediction may rest on nothing but what came before it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from coursewright.data.log import codes
from coursewright.fitting.model import Fitted

TOLERANCE = 1e-5  # neural models round differently in another batch
MOST_LEARNERS = 30


def peeks(fitted: Fitted, table: pa.Table, seed: int = 0) -> list[str]:
    """What else the predictions for `table` [rows] rest on: one line each, none for an honest model.

    For some learners with two rows or more, a row t is drawn.  The prediction of every row up to t must
    stay the same when the outcomes of t and of all later rows are turned round, when the rows after t are
    not there, and when no other learner is.
    """
    part, cut = _some_learners(table, seed)
    learner, _ = codes(part["learner"])
    place = np.arange(len(learner)) - np.searchsorted(learner, learner)
    before = fitted.predict(part)
    early = place <= cut[learner]
    other = fitted.predict(_turned_round(part, place >= cut[learner]))
    found = []
    if _differs(before[early], other[early]):
        found.append("the prediction of a row changes with the outcome of that row or of later ones")
    shorter = fitted.predict(part.take(pa.array(np.flatnonzero(early))))
    if _differs(before[early], shorter):
        found.append("the prediction of a row changes when the learner's later rows are left out")
    alone = np.flatnonzero(learner == 0)
    if _differs(before[alone], fitted.predict(part.take(pa.array(alone)))):
        found.append("the prediction of a row changes when other learners are left out")
    return found


def _some_learners(table: pa.Table, seed: int) -> tuple[pa.Table, np.ndarray]:
    """Rows of a few learners, and the row of each `[learners]` up to which the past reaches."""
    rng = np.random.default_rng(seed)
    learner, _ = codes(table["learner"])
    several = np.flatnonzero(np.bincount(learner) >= 2)
    chosen = rng.permutation(several)[:MOST_LEARNERS] if len(several) else np.arange(1)
    part = table.take(pa.array(np.flatnonzero(np.isin(learner, chosen))))
    length = np.bincount(codes(part["learner"])[0])
    return part, rng.integers(0, np.maximum(length - 1, 1))


def _turned_round(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """The same table with other outcomes in `rows`: right for wrong; other grades, minutes, assistance."""
    correct = table["correct"].to_numpy()
    turned: dict[str, npt.NDArray[Any]] = {"correct": np.where(rows & (correct >= 0), 1 - correct, correct)}
    for name, plus, times in (("grade", 1.0, -1.0), ("minutes", 1.0, 1.0)):
        if name in table.column_names:
            values = table[name].to_numpy()
            turned[name] = np.where(rows, plus + times * values, values)
    if "assisted" in table.column_names:
        assisted = table["assisted"].fill_null(False).to_numpy()
        turned["assisted"] = np.where(rows, ~assisted, assisted)
    for name, values in turned.items():
        at = table.column_names.index(name)
        table = table.set_column(at, name, pa.array(values, table.schema.field(name).type, from_pandas=True))
    return table


def _differs(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((np.abs(one - other) > TOLERANCE).any())
