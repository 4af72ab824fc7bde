"""Copies of learners under fates that are not the episode's, on which a planner tries things out."""

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import FORESIGHT, Keys, Luck, fates


def other_fates(luck: Luck, rows: Ints, copies: int) -> Keys:
    """Fates `[rows * copies]` of the copies of these learners at their step.

    They hang on the learner and the step alone, so that nothing can be told from them of the learner's own
    luck, and every item is tried under the same ones.
    """
    out = np.empty(len(rows) * copies, np.uint64)
    fates(luck.learner[rows], luck.step[rows], copies, FORESIGHT, out)
    return out


def lucks(luck: Luck, rows: Ints, copies: int) -> Luck:
    """The luck of the copies, one learner's after another's: all but the fate is the learner's own."""
    each = np.repeat(rows, copies)
    own = Luck._make(array[each] if len(array) else array for array in luck)
    return own._replace(fate=other_fates(luck, rows, copies))


@kernel
def goal_means(mastery: Mastery, goal: Bools, size: Ints, rows: Ints, copies: int, out: Floats) -> None:
    """Mean goal mastery `[rows]` over the copies of each of `rows`; `mastery [rows * copies, skills]`."""
    for place in range(rows.shape[0]):
        i, total = rows[place], 0.0
        for n in range(place * copies, (place + 1) * copies):
            for k in range(mastery.shape[1]):
                if goal[i, k]:
                    total += float(mastery[n, k])
        out[place] = total / (copies * size[i])
