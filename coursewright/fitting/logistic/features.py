"""Features of a learner's earlier rows that enter a sum as numbers: counts, lags, windows.

Everything here is causal: the features of a row come from earlier rows of the same learner only.
"""

from typing import Any

import numpy as np

from coursewright.fitting.coded import Signs
from coursewright.fitting.histories import Histories
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.logistic.das3h import ROUNDING, WIDTHS, WINDOWS
from coursewright.simulators.logistic.worth import BENDS, DAY_S, KNOTS


def values(of: Histories, columns: tuple[str, ...], raw: bool = False) -> Floats:
    """The named features `[entries, columns]`, as the simulators use them.

    easiness 1 · opportunity, success, failure: ln(1 + count), or the count itself if `raw` · seen 1 after
    the first exposure · lag ln(1 + seconds since the last exposure), 0 before the first; lag_10s, ...: its
    part beyond that time · right_last, wrong_last: 1 if the last answer was that · growth
    ln(1 + opportunities) over the number of the row's skills · right_w, tried_w: ln(1 + count) in window w of
    DAS3H (`simulators/das3h.py`).
    """
    log = np.asarray if raw else np.log1p
    lag, last = np.log1p(DAY_S * of.gap), of.last
    table: dict[str, Any] = {
        "easiness": np.ones(len(of.row)),
        "opportunity": log(of.place),
        "success": log(of.before(1)),
        "failure": log(of.before(0)),
        "seen": of.place > 0,
        "lag": lag,
        **{name: np.maximum(lag - knot, 0.0) for name, knot in zip(BENDS, KNOTS, strict=True)},
        "right_last": last == 1,
        "wrong_last": last == 0,
        "growth": np.log1p(of.place) / np.bincount(of.row)[of.row],
    }
    if not set(columns) <= set(table):
        right, tried = windows(of)
        for w, name in enumerate(WINDOWS):
            table[f"right_{name}"], table[f"tried_{name}"] = np.log1p(right[:, w]), np.log1p(tried[:, w])
    return np.stack([np.asarray(table[name], np.float64) for name in columns], axis=1)


def windows(of: Histories) -> tuple[Ints, Ints]:
    """Right answers and attempts `[entries, 5]` inside each window of DAS3H, before the entry."""
    right = np.empty((len(of.row), len(WIDTHS)), np.int64)
    tried = np.empty_like(right)
    _windows(of.begin, of.day, of.correct, WIDTHS, right, tried)
    return right, tried


@kernel
def _windows(begin: Ints, time: Floats, correct: Signs, width: Floats, right: Ints, tried: Ints) -> None:
    for w in range(width.shape[0]):
        first, good, asked = 0, 0, 0  # the oldest entry inside the window, and the counts inside it
        for e in range(begin.shape[0]):
            if begin[e] == e:
                first, good, asked = e, 0, 0
            while time[e] - time[first] >= width[w] - ROUNDING:  # ends at e itself, whose age is 0
                good -= correct[first] == 1
                asked -= correct[first] >= 0
                first += 1
            right[e, w], tried[e, w] = good, asked
            good += correct[e] == 1
            asked += correct[e] >= 0
