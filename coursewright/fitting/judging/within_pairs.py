"""Learning within pairs: a learner's answers on one skill beside this learner's own mean on it.

Accuracy by opportunity mixes learning with composition: late opportunities belong to learners who stayed, and
to skills that are practised much.  Here, pairs of a learner and a skill with at least ten opportunities take
part (five, where hardly any has ten).  Each answer is measured from its item's accuracy, and each pair from
its own mean: ability, the skill's easiness, the items and the length of the record cancel.  The rise from
the first opportunity to the tenth is the change within a learner: learning, less forgetting and fatigue.
"""

import numpy as np

from coursewright.fitting.coded import Coded, Signs
from coursewright.fitting.histories import Histories
from coursewright.fitting.judging.measures import Means, Measure, centred, residuals, unnamed

WITHIN = "pair"
LONG = (10, 5)  # opportunities of a pair; the second where too few pairs have the first
FEWEST_PAIRS = 20


def within_pairs(log: Coded) -> Measure:
    """The mean residual by opportunity on the skill; left out where too few pairs are long enough."""
    met = Histories.of(log, "skill")
    opportunities = np.diff(met.start)
    pairs = {least: int((opportunities >= least).sum()) for least in LONG}
    last = next((least for least, n in pairs.items() if n >= FEWEST_PAIRS), LONG[-1])
    entry = np.flatnonzero((opportunities >= last)[met.history])
    pair, row, turn = met.history[entry], met.row[entry], np.minimum(met.place[entry], last - 1)

    def of(correct: Signs) -> Means:
        used = correct[row] >= 0
        value = centred(residuals(log, correct)[row[used]], pair[used])
        return Means.plain(log, last, turn[used], row[used], value)

    few = f"pairs of a learner and a skill with {last} opportunities or more: {pairs[last]}"
    few += f", and it takes {FEWEST_PAIRS}"
    bins = unnamed([*(str(n) for n in range(1, last)), f"{last}+"])
    return Measure(WITHIN, bins, of, few if pairs[last] < FEWEST_PAIRS else "")
