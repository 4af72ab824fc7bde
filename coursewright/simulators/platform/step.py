"""The loops of a rich learner's step: what comes before and after the learner inside practises."""

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import DOSE, ENGAGE, MINUTES, Keys, hash_pair, normal, uniform
from coursewright.simulators.platform.content import HINT, PRACTICE, TEST
from coursewright.simulators.platform.delivery import felt, minutes_taken

ASK, TURN, AGAIN = DOSE + 1, DOSE + 2, DOSE + 3  # asking for help; what help does; the second fate

# Columns of `RichLearner.table`
AMOUNT, REVERSAL, MEDIAN, LEAVING = range(4)
# Columns of `RichLearner.what`
KIND, FORMAT, INSIDE = range(3)


@kernel
def enrol_rows(
    engagement: Floats, tau: Floats, usable: Bools, preferred: Ints, seen: Bools, rows: Ints, learner: Keys,
    barred: Floats, start: float, learner_sd: float,
) -> None:  # fmt: skip
    """What new learners bring to a platform besides what they know."""
    formats = barred.shape[0]
    for j in range(rows.shape[0]):
        i = rows[j]
        engagement[i] = start
        tau[i] = learner_sd * normal(learner[i], 0, MINUTES) if learner_sd > 0.0 else 0.0
        preferred[i] = int(uniform(learner[i], 0, DOSE) * formats)
        for f in range(formats):
            usable[i, f] = uniform(learner[i], 0, ENGAGE + f) >= barred[f]
        for a in range(seen.shape[1]):
            seen[i, a] = False


@kernel
def prior_knowledge(mastery: Mastery, item: Ints, start: Ints, before: Ints, out: Floats) -> None:
    """Prior knowledge m `[batch]`: mean mastery of the item's skills and of all that come before them."""
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        total = 0.0
        for j in range(start[a], start[a + 1]):
            total += float(mastery[i, before[j]])
        out[i] = total / (start[a + 1] - start[a])


@kernel
def plan(
    seen: Bools, preferred: Ints, table: Floats, what: Ints, item: Ints, taught: Bools, fate: Keys,
    step: Ints, p: Floats, prior: Floats, repeated: float, abuse: float, abused: float, meshing: float,
    inside: Ints, learns: Bools, again: Ints, fate_again: Keys, helped: Bools,
) -> None:  # fmt: skip
    """Draw the lessons of one step: what the learner inside practises, whether it learns, and how often."""
    for i in range(item.shape[0]):
        a = item[i]
        inside[i] = again[i] = -1
        if a < 0:
            continue
        kind = what[a, KIND]
        inside[i] = what[a, INSIDE]
        dose = table[a, AMOUNT] * (1.0 + table[a, REVERSAL] * (1.0 - 2.0 * prior[i]))
        helped[i] = kind == HINT
        if kind == PRACTICE and abuse > 0.0 and uniform(fate[i], step[i], ASK) < abuse * (1.0 - p[i]):
            helped[i] = True
            dose *= abused
        elif seen[i, a] and kind not in (PRACTICE, HINT, TEST):
            dose *= repeated
        if meshing > 0.0 and what[a, FORMAT] == preferred[i]:
            dose *= 1.0 + meshing
        u = uniform(fate[i], step[i], DOSE)
        learns[i] = taught[i] and u < dose
        if taught[i] and u < dose - 1.0:  # doses end at 2, for u is never below 0 and always below 1
            again[i] = inside[i]
            fate_again[i] = hash_pair(fate[i], AGAIN)


@kernel
def finish(
    engagement: Floats, tau: Floats, seen: Bools, table: Floats, what: Ints, item: Ints, taught: Bools,
    fate: Keys, step: Ints, p: Floats, helped: Bools, raises: float, slope: float, sd: float,
    too_easy: float, too_hard: float, boredom: float, frustration: float, flow: float, leaves: float,
    leaves_disengaged: float,
    correct: Ints, grade: Ints, minutes: Floats, assisted: Bools, ended: Bools,
) -> None:  # fmt: skip
    """What the platform sees of one step, and what it does to the learner's engagement."""
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        kind = what[a, KIND]
        asks = kind in (PRACTICE, HINT, TEST)
        if not asks:
            correct[i] = grade[i] = -1
        elif helped[i]:
            assisted[i] = True
            if correct[i] == 0 and uniform(fate[i], step[i], TURN) < raises:
                correct[i] = 1
                grade[i] += 1  # a mark of 0 becomes 1, FSRS's Again becomes Hard
        steep = slope if asks else 0.0
        minutes[i] = minutes_taken(table[a, MEDIAN], tau[i], steep, sd, p[i], fate[i], step[i])
        bored = p[i] > too_easy or (seen[i, a] and not asks)
        frustrated = p[i] < too_hard and correct[i] == 0
        engagement[i] = felt(engagement[i], bored, frustrated, correct[i] == 1, boredom, frustration, flow)
        hazard = leaves + (leaves_disengaged - leaves) * (1.0 - engagement[i])
        if uniform(fate[i], step[i], ENGAGE) < hazard * table[a, LEAVING]:
            ended[i] = True
        seen[i, a] = seen[i, a] or taught[i]


@kernel
def rest(engagement: Floats, days: Floats, recovery: float) -> None:
    """What is missing of engagement shrinks by exp(-recovery * days); nothing moves in no time."""
    for i in range(engagement.shape[0]):
        engagement[i] -= (1.0 - engagement[i]) * np.expm1(-recovery * days[i])
