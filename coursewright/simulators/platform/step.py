"""The loops of a rich learner's step: the parts before and after the learner inside practises.

The two loops of every step take tuples (`person_`) and name them in their first line: a call with a
NamedTuple costs five times as much as one with a tuple.
"""

from typing import Any, NamedTuple

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.kernel import kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import DOSE, ENGAGE, MINUTES, Keys, Luck, hash_pair, normal, uniform
from coursewright.simulators.platform.content import HINT, PRACTICE, TEST
from coursewright.simulators.platform.delivery import felt, minutes_taken
from coursewright.simulators.protocol import Response

ASK, TURN, AGAIN = DOSE + 1, DOSE + 2, DOSE + 3  # asking for help; the effect of help; the second fate

# Columns of `RichLearner.table`
AMOUNT, REVERSAL, MEDIAN, LEAVING = range(4)
# Columns of `RichLearner.what`
KIND, FORMAT, INSIDE = range(3)


class Person(NamedTuple):
    """The traits of a learner on a platform, besides their knowledge; see `RichState`."""

    engagement: Floats
    tau: Floats
    usable: Bools
    preferred: Ints
    seen: Bools


class Teaching(NamedTuple):
    """The teaching of items: `RichLearner.table` and `what`, and the factors of `Content` and `Help`."""

    table: Floats
    what: Ints
    repeated: float
    abuse: float
    abused: float
    meshing: float


class Effects(NamedTuple):
    """The effects of an item besides teaching: the numbers of `Help`, `Pace` and `Engagement`."""

    table: Floats
    what: Ints
    raises: float
    slope: float
    sd: float
    too_easy: float
    too_hard: float
    boredom: float
    frustration: float
    flow: float
    leaves: float
    leaves_disengaged: float


class Lessons(NamedTuple):
    """One step, `[batch]`: learners taught, items practised again and the fate for that, learners helped."""

    learns: Bools
    again: Ints
    fate_again: Keys
    helped: Bools


@kernel
def enrol_rows(
    person: Person, barred: Floats, rows: Ints, start: float, learner: Keys, learner_sd: float
) -> None:
    """Draw the traits of new learners on a platform, besides their knowledge."""
    formats = barred.shape[0]
    for i in rows:
        person.engagement[i] = start
        person.tau[i] = learner_sd * normal(learner[i], 0, MINUTES) if learner_sd > 0.0 else 0.0
        person.preferred[i] = int(uniform(learner[i], 0, DOSE) * formats)
        for f in range(formats):
            person.usable[i, f] = uniform(learner[i], 0, ENGAGE + f) >= barred[f]
        for a in range(person.seen.shape[1]):
            person.seen[i, a] = False


@kernel
def prior_knowledge(mastery: Mastery, item: Ints, before: Lists, out: Floats) -> None:
    """Prior knowledge m `[batch]`: mean mastery of the item's skills and of all that come before them."""
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        total = 0.0
        for j in range(before.start[a], before.start[a + 1]):
            total += float(mastery[i, before.values[j]])
        out[i] = total / (before.start[a + 1] - before.start[a])


@kernel
def plan(
    person_: tuple[Any, ...],
    item: Ints,
    by_: tuple[Any, ...],
    p: Floats,
    luck_: tuple[Any, ...],
    taught: Bools,
    out_: tuple[Any, ...],
    prior: Floats,
) -> None:
    """Draw the lessons of one step: none, one or two for the learner inside."""
    person, by, luck, out = Person(*person_), Teaching(*by_), Luck(*luck_), Lessons(*out_)
    for i in range(item.shape[0]):
        a, fate, step = item[i], luck.fate[i], luck.step[i]
        out.again[i] = -1
        if a < 0:
            continue
        kind = by.what[a, KIND]
        dose = by.table[a, AMOUNT] * (1.0 + by.table[a, REVERSAL] * (1.0 - 2.0 * prior[i]))
        out.helped[i] = kind == HINT
        if kind == PRACTICE and by.abuse > 0.0 and uniform(fate, step, ASK) < by.abuse * (1.0 - p[i]):
            out.helped[i] = True
            dose *= by.abused
        elif person.seen[i, a] and kind not in (PRACTICE, HINT, TEST):
            dose *= by.repeated
        if by.meshing > 0.0 and by.what[a, FORMAT] == person.preferred[i]:
            dose *= 1.0 + by.meshing
        u = uniform(fate, step, DOSE)
        out.learns[i] = taught[i] and u < dose
        if taught[i] and u < dose - 1.0:  # doses end at 2, for u is never below 0 and always below 1
            out.again[i] = by.what[a, INSIDE]
            out.fate_again[i] = hash_pair(fate, AGAIN)


@kernel
def finish(
    person_: tuple[Any, ...],
    item: Ints,
    by_: tuple[Any, ...],
    taught: Bools,
    luck_: tuple[Any, ...],
    p: Floats,
    out_: tuple[Any, ...],
    helped: Bools,
) -> None:
    """Write the platform's record of one step, and change the learner's engagement."""
    person, by, luck, out = Person(*person_), Effects(*by_), Luck(*luck_), Response(*out_)
    engagement, seen = person.engagement, person.seen
    for i in range(item.shape[0]):
        a, fate, step = item[i], luck.fate[i], luck.step[i]
        if a < 0:
            continue
        kind = by.what[a, KIND]
        asks = kind in (PRACTICE, HINT, TEST)
        if not asks:
            out.correct[i] = out.grade[i] = -1
        elif helped[i]:
            out.assisted[i] = True
            if out.correct[i] == 0 and uniform(fate, step, TURN) < by.raises:
                out.correct[i] = 1
                out.grade[i] += 1  # a mark of 0 becomes 1, FSRS's Again becomes Hard
        steep = by.slope if asks else 0.0
        median, wrong, right = by.table[a, MEDIAN], out.correct[i] == 0, out.correct[i] == 1
        out.minutes[i] = minutes_taken(median, person.tau[i], steep, by.sd, p[i], fate, step)
        bored = p[i] > by.too_easy or (seen[i, a] and not asks)
        frustrated = p[i] < by.too_hard and wrong
        engagement[i] = felt(engagement[i], bored, frustrated, right, by.boredom, by.frustration, by.flow)
        hazard = by.leaves + (by.leaves_disengaged - by.leaves) * (1.0 - engagement[i])
        if uniform(fate, step, ENGAGE) < hazard * by.table[a, LEAVING]:
            out.ended[i] = True
        seen[i, a] = seen[i, a] or taught[i]


@kernel
def rest(engagement: Floats, recovery: float, days: Floats) -> None:
    """Let 1 - engagement shrink by exp(-recovery * days); nothing moves in no time."""
    for i in range(engagement.shape[0]):
        engagement[i] -= (1.0 - engagement[i]) * np.expm1(-recovery * days[i])
