"""The responses of a log as a tutor file takes them: places of items, answers, days since the last one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from coursewright.data.log import LearnerLog, codes, gone_with_them
from coursewright.errors import InputError, nearest, reject
from coursewright.simulators.arrays import Bools, Floats, Ints

MOST_NAMED = 8  # items in a line


@dataclass(frozen=True, eq=False)
class Responses:
    """The responses that a tutor can take, learner by learner and in order of time.

    Attributes
    ----------
    learner : `[rows]`, places in `ids`.
    ids : the learners' own names.
    item : `[rows]`, places in the tutor's course.
    correct : `[rows]`, 1, 0, or -1 where nothing was asked or the answer was helped.
    minutes : `[rows]`, the time that the item took; 0 where it is unknown.
    pause : `[rows]`, days since the learner's last response (0 at first).
    day : `[rows]`, days since the learner's first response.
    allowed : `[rows]`, the places that could be chosen from; None, or an entry None: all of the course.
    lost : a sentence on rows that were left out; "" where there are none.
    """

    learner: Ints
    ids: tuple[str, ...]
    item: Ints
    correct: Ints
    minutes: Floats
    pause: Floats
    day: Floats
    allowed: Sequence[Ints | None] | None
    lost: str = ""

    @property
    def n_learners(self) -> int:
        """The number of learners."""
        return len(self.ids)

    @property
    def lengths(self) -> Ints:
        """The number of responses of each learner, `[learners]`."""
        return np.bincount(self.learner, minlength=self.n_learners)


def responses_of(log: LearnerLog, items: Sequence[str]) -> Responses:
    """The responses of a log on the `items` of a course; others are counted, and named where many met them.

    Raises `InputError` where no response is left, or of fewer than `log.min_group` learners.
    """
    place = {name: at for at, name in enumerate(items)}
    item_code, names = codes(log.table["item"])
    here = np.array([place.get(name, -1) for name in names])[item_code]
    kept = here >= 0
    if not kept.any():
        raise _other_course(names, items)
    rows = log.table.filter(kept)
    learner, ids = codes(rows["learner"])
    if len(ids) < log.min_group:
        whose = "if these are your own answers, or of people who agreed, say min_group=1"
        raise reject(
            "min_group", log.min_group, f"at most {len(ids)}, the learners who met its items; {whose}"
        )
    time = rows["time"].to_numpy() if log.timed else np.zeros(rows.num_rows)
    first = np.append(True, np.diff(learner) != 0)
    pause = np.where(first, 0.0, np.diff(time, prepend=time[0]))
    begun = time[np.flatnonzero(first)][np.cumsum(first) - 1]
    correct = rows["correct"].to_numpy().astype(np.int64)
    if "assisted" in rows.column_names:
        correct[pc.fill_null(rows["assisted"], False).to_numpy()] = -1
    minutes = np.zeros(rows.num_rows)
    if "minutes" in rows.column_names:
        minutes = np.nan_to_num(rows["minutes"].to_numpy(zero_copy_only=False).astype(np.float64))
    allowed = None
    if "allowed" in rows.column_names and rows["allowed"].null_count < rows.num_rows:
        offered = rows["allowed"].to_pylist()
        allowed = [None if one is None else _places(one, place) for one in offered]
    lost = _lost(log, item_code, names, ~kept, log.n_learners - len(ids))
    return Responses(learner, ids, here[kept], correct, minutes, pause, time - begun, allowed, lost)


def rare_items(responses: Responses, n_items: int, min_group: int) -> Bools:
    """True for items `[items]` that some learners met, and fewer than `min_group`."""
    pairs = np.unique(responses.learner * n_items + responses.item)
    met = np.bincount(pairs % n_items, minlength=n_items)
    return (met > 0) & (met < min_group)


def _places(names: Sequence[str], place: dict[str, int]) -> Ints:
    return np.array([place[name] for name in names if name in place], np.int64)


def _lost(log: LearnerLog, code: Ints, names: Sequence[str], gone: Bools, learners: int) -> str:
    if not gone.any():
        return ""
    learner, _ = codes(log.table["learner"])
    pairs = np.unique(np.stack([code[gone], learner[gone]]), axis=1)[0]
    met = Counter(pairs.tolist())
    named = [names[k] for k in sorted(met, key=lambda k: (-met[k], names[k])) if met[k] >= log.min_group]
    shown = ", ".join(repr(name) for name in named[:MOST_NAMED])
    more = len(met) - len(named[:MOST_NAMED])
    told = f"{shown} and {more:,} more" if shown and more else shown or "each met by too few to be named"
    items = "1 item" if len(met) == 1 else f"{len(met):,} items"
    rows = f"{gone.sum():,} of {len(code):,} rows left out, of {items} that the course lacks ({told})"
    return rows + gone_with_them(learners)


def _other_course(names: Sequence[str], items: Sequence[str]) -> InputError:
    said = f"its {len(names):,} items are none of the {len(items):,} of the tutor's course"
    return InputError(f"log: {said}{nearest(names[0], items, said='the course has')}", "log")
