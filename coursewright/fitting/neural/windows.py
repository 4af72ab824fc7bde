"""A learner log as sequences of answers, cut to a largest length: for networks, and as recorded sessions."""

from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.fitting.coded import Coded
from coursewright.simulators.arrays import Ints
from coursewright.simulators.neural.sessions import Sessions


class Windows(NamedTuple):
    """Consecutive answers of one learner each, packed: window w owns rows start[w] to start[w + 1].

    `start [windows + 1]`; `learner [windows]` by place among the log's ids in order; `row [rows]` in the log.
    """

    start: Ints
    learner: Ints
    row: Ints


def cut(log: Coded, longest: int, shortest: int = 1) -> Windows:
    """Cut each learner's answers, in order, into windows of `longest` rows and the rest.

    Rows without a question are left out, and so are windows of fewer than `shortest` rows.
    """
    if not 1 <= shortest <= longest:
        raise reject("shortest, longest", f"{shortest}, {longest}", "whole numbers, 1 <= shortest <= longest")
    row = np.flatnonzero(log.correct >= 0)
    learner = log.learner[row]
    place = np.arange(len(row)) - np.searchsorted(learner, learner)
    window = np.cumsum(place % longest == 0) - 1
    kept = (np.bincount(window) >= shortest)[window] if len(row) else np.zeros(0, bool)
    row, learner, window = row[kept], learner[kept], window[kept]
    begins = np.flatnonzero(np.diff(window, prepend=-1))
    return Windows(np.append(begins, len(row)).astype(np.int64), learner[begins], row)


def recorded_sessions(log: Coded, longest: int = 100, shortest: int = 10) -> Sessions:
    """The log's answers as sessions from which simulated learners may start, items numbered as in `log`.

    A learner's record is cut into sessions of `longest` rows; `shortest` rows of the rest make a
    session.  Raises `InputError` where none is long enough.
    """
    windows = cut(log, longest, shortest)
    correct = log.correct[windows.row].astype(np.int64)
    return Sessions(windows.start, windows.learner, log.item[windows.row], correct)
