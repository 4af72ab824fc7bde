"""A learner log as sequences of answers, cut to a largest length: for networks, and as recorded sessions."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from coursewright.data.log import codes
from coursewright.errors import reject
from coursewright.simulators.arrays import Ints
from coursewright.simulators.neural.sessions import Sessions


class Windows(NamedTuple):
    """Consecutive answers of one learner each, packed: window w owns rows start[w] to start[w + 1].

    `start [windows + 1]`; `learner [windows]` by place among the log's ids in order; `row [rows]` in the log.
    """

    start: Ints
    learner: Ints
    row: Ints


def cut(table: pa.Table, longest: int, shortest: int = 1) -> Windows:
    """Cut each learner's answers, in order, into windows of `longest` rows and what is left over.

    Rows without a question are left out, and so are windows of fewer than `shortest` rows.  The rows of
    `table` are in order of learner and time, as in a `LearnerLog`.
    """
    if not 1 <= shortest <= longest:
        raise reject("shortest, longest", f"{shortest}, {longest}", "whole numbers, 1 <= shortest <= longest")
    row = np.flatnonzero(table["correct"].to_numpy() >= 0)
    learner = codes(table["learner"])[0][row]
    order = np.argsort(learner, kind="stable")
    row, learner = row[order], learner[order]
    place = np.arange(len(row)) - np.searchsorted(learner, learner)
    window = np.cumsum(place % longest == 0) - 1
    kept = (np.bincount(window) >= shortest)[window] if len(row) else np.zeros(0, bool)
    row, learner, window = row[kept], learner[kept], window[kept]
    begins = np.flatnonzero(np.diff(window, prepend=-1))
    return Windows(np.append(begins, len(row)).astype(np.int64), learner[begins], row)


def recorded_sessions(
    table: pa.Table, item: Mapping[str, int], longest: int = 100, shortest: int = 10
) -> Sessions:
    """The log's answers as sessions from which simulated learners may start, items numbered by `item`.

    A learner's record is cut into sessions of `longest` rows; of what is left over, `shortest` rows make a
    session.  Raises `InputError` where none is long enough.
    """
    windows = cut(table, longest, shortest)
    names = table["item"].take(pa.array(windows.row)).to_pylist()
    correct: npt.NDArray[np.int8] = table["correct"].to_numpy()[windows.row]
    places = np.array([item[name] for name in names], np.int64)
    return Sessions(windows.start, windows.learner, places, correct.astype(np.int64))
