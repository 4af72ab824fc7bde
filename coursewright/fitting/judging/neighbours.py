"""The memory in a learner's answers: on an item after right and after wrong, and from row to row."""

import numpy as np

from coursewright.fitting.coded import Coded, Signs
from coursewright.fitting.histories import Histories
from coursewright.fitting.judging.measures import Means, Measure, centred, residuals, unnamed
from coursewright.simulators.arrays import Ints

REPEATS, NEIGHBOURS = "repeat", "neighbour"
AFTER = ("after wrong", "after right")
LAGS = (1, 5)  # rows
APART = ("1 row", "5 rows", "skill")  # on; the last: to the skill's next row
FEWEST_AGAIN = 20


def repeats(log: Coded) -> Measure:
    """Accuracy on an item by the learner's last answer to it; left out where items hardly come again.

    Pooled items take no part: simulated learners meet a pool as one item.
    """
    met = Histories.of(log, "item")
    named = ~log.hidden[met.row]

    def of(correct: Signs) -> Means:
        before, again = _following(np.flatnonzero(named & (correct[met.row] >= 0)), met.history, 1)
        said = correct[met.row]
        right = said[again].astype(np.float64)
        return Means.plain(log, len(AFTER), said[before].astype(np.int64), met.row[again], right)

    n = int((named & (met.correct >= 0) & (met.before(0) + met.before(1) > 0)).sum())
    few = f"answers to an item that the learner had answered before: {n}, and it takes {FEWEST_AGAIN}"
    return Measure(REPEATS, unnamed(AFTER), of, few if n < FEWEST_AGAIN else "")


def autocorrelation(log: Coded) -> Measure:
    """The correlation of residuals a row apart, five rows apart, and from one row of a skill to its next.

    A residual is an answer minus its item's accuracy, minus the learner's own mean.
    """
    met = Histories.of(log, "skill")

    def of(correct: Signs) -> Means:
        asked = np.flatnonzero(correct >= 0)
        rest = np.full(log.rows, np.nan)
        rest[asked] = centred(residuals(log, correct)[asked], log.learner[asked])
        same = _following(np.flatnonzero(correct[met.row] >= 0), met.history, 1)
        pairs = [_following(asked, log.learner, lag) for lag in LAGS] + [(met.row[same[0]], met.row[same[1]])]
        before, after = (np.concatenate(part) for part in zip(*pairs, strict=True))
        at = np.repeat(np.arange(len(APART)), [len(pair[0]) for pair in pairs])
        power = (rest[before] ** 2 + rest[after] ** 2) / 2.0
        return Means(len(APART), log.learner, at, after, rest[before] * rest[after], power)

    return Measure(NEIGHBOURS, unnamed(APART), of)


def _following(entries: Ints, owner: Ints, lag: int) -> tuple[Ints, Ints]:
    """Pairs of `entries`, `lag` places apart, that have one `owner [all entries]`: the earlier, the later."""
    mine = owner[entries]
    same = mine[:-lag] == mine[lag:]
    return entries[:-lag][same], entries[lag:][same]
