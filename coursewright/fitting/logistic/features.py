"""What a learner's earlier rows say about the next one: counts, times and windows, all at once for a log.

Everything here is causal: the features of a row come from earlier rows of the same learner only.  Rows
in which nothing was asked (correct = -1, a study trial) are exposures, not attempts: they count as
opportunities and for the time since the last exposure, not as successes, failures or attempts.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.data.log import codes
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.logistic.das3h import WIDTHS, WINDOWS

Signs = npt.NDArray[np.int8]
Kind = Literal["skill", "item", "total"]
DAY_S = 86_400.0  # seconds


@dataclass(frozen=True, eq=False)
class Entries:
    """Each time that a row touches something with a history of its own, in order of learner, name, row.

    `row`, `code` and `group` are `[entries]`: the row of the log, the place in `names` of what it touches
    (a skill, an item, or everything), and the number of its history: one for each learner and name.
    `begin [entries]` is the first entry of the same history.
    """

    names: tuple[str, ...]
    row: Ints
    code: Ints
    begin: Ints
    correct: Signs
    time: Floats

    @cached_property
    def place(self) -> Ints:
        """How many earlier entries the history has: opportunities, study trials included."""
        return np.arange(len(self.row)) - self.begin

    def before(self, outcome: int) -> Ints:
        """How many earlier entries had this outcome (1 right, 0 wrong)."""
        total = np.concatenate([[0], np.cumsum(self.correct == outcome)])
        return np.asarray(total[:-1] - total[self.begin])

    def lag(self) -> Floats:
        """Seconds since the last exposure; 0 where there was none."""
        days = np.diff(self.time, prepend=self.time[:1])
        return np.asarray(np.where(self.place > 0, DAY_S * days, 0.0))

    def windows(self) -> tuple[Ints, Ints]:
        """Right answers and attempts `[entries, 5]` inside each window of DAS3H, before the entry."""
        right = np.empty((len(self.row), len(WIDTHS)), np.int64)
        tried = np.empty_like(right)
        _windows(self.begin, self.time, self.correct, WIDTHS, right, tried)
        return right, tried


def entries(table: pa.Table, kind: Kind) -> Entries:
    """The entries of a log's rows `[rows]`, which are in order of learner, time and file."""
    learner, _ = codes(table["learner"])
    rows = np.arange(table.num_rows)
    if kind == "skill":
        rows = pc.list_parent_indices(table["skills"]).to_numpy()
        code, names = codes(pc.list_flatten(table["skills"]))
    elif kind == "item":
        code, names = codes(table["item"])
    else:
        code, names = np.zeros(len(rows), np.int64), ("all",)
    order = np.lexsort((rows, code, learner[rows]))
    row, code = rows[order].astype(np.int64), code[order]
    fresh = (np.diff(learner[row], prepend=-1) != 0) | (np.diff(code, prepend=-1) != 0)
    begin = np.maximum.accumulate(np.where(fresh, np.arange(len(row)), 0))
    correct, time = table["correct"].to_numpy(), table["time"].to_numpy()
    return Entries(names, row, code, begin, correct[row], time[row])


def values(of: Entries, columns: tuple[str, ...], raw: bool = False) -> Floats:
    """The named features `[entries, columns]`, as the simulators use them.

    easiness 1 · opportunity, success, failure: ln(1 + count), or the count itself if `raw` · seen 1 after
    the first exposure · lag ln(1 + seconds since the last exposure), 0 before the first · growth
    ln(1 + opportunities) over the number of the row's skills · right_w, tried_w: ln(1 + count) in window w of
    DAS3H (`simulators/das3h.py`).
    """
    log = np.asarray if raw else np.log1p
    table: dict[str, Any] = {
        "easiness": np.ones(len(of.row)),
        "opportunity": log(of.place),
        "success": log(of.before(1)),
        "failure": log(of.before(0)),
        "seen": of.place > 0,
        "lag": np.log1p(of.lag()),
        "growth": np.log1p(of.place) / np.bincount(of.row)[of.row],
    }
    if not set(columns) <= set(table):
        right, tried = of.windows()
        for w, name in enumerate(WINDOWS):
            table[f"right_{name}"], table[f"tried_{name}"] = np.log1p(right[:, w]), np.log1p(tried[:, w])
    return np.stack([np.asarray(table[name], np.float64) for name in columns], axis=1)


@kernel
def _windows(begin: Ints, time: Floats, correct: Signs, width: Floats, right: Ints, tried: Ints) -> None:
    for w in range(width.shape[0]):
        first, good, asked = 0, 0, 0  # the oldest entry inside the window, and what it holds
        for e in range(begin.shape[0]):
            if begin[e] == e:
                first, good, asked = e, 0, 0
            while time[e] - time[first] >= width[w]:  # ends at e itself, whose age is 0
                good -= correct[first] == 1
                asked -= correct[first] >= 0
                first += 1
            right[e, w], tried[e, w] = good, asked
            good += correct[e] == 1
            asked += correct[e] >= 0
