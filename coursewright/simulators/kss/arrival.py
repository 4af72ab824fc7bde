"""How KSS learners arrive: with abilities, targets, and a warm-up that the tutor sees.

Liu et al., KDD 2019, and EduSim.  A warm-up has at most twenty rounds.  After a right answer that is not
one of three alike the same item is asked again, twice; after a wrong one, with chance .7, once.
Else, with chance .9, comes the first skill in prerequisite order that is not ready yet (none left: the
warm-up ends), or else any item.
"""

from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.kss.dynamics import MASTERED, SKILLS, opportunity, p_answer
from coursewright.simulators.luck import ENROL, GOAL, WARM_UP, Keys, hash_pair, uniform

WARM_UP_ROUNDS = 20  # each of one record or two
READY = 0.6  # p_k at which the warm-up moves on to the next skill
LOWEST = -3  # abilities start from here upwards
FEWEST = 3  # targets drawn
ATTEMPTS = 1000  # learners drawn before one with nothing left to learn is taken after all


class Arrival(NamedTuple):
    """What `enrol` needs to know besides the dynamics, in the order in which it takes it.

    Abilities start at U{-3, ..., `highest_start`} - .1 k; U{3, ..., `most_targets`} targets are drawn;
    `serves [10, 10]` says which skill is relevant to which target.  In the warm-up `follows [10, 10]`
    says what is taught after which item, and `ready [10]` from which ability on it moves on, in
    `order [10]`; what it teaches is `kept` or undone.
    """

    highest_start: int
    most_targets: int
    with_replacement: bool
    serves: Bools
    follows: Bools
    ready: Floats
    order: Ints
    kept: bool


@inlined
def _draw_goal(key: np.uint64, i: int, goal: Bools, most: int, with_replacement: bool) -> int:
    """Draw targets for row i; returns how many different ones."""
    drawn = FEWEST + int(uniform(key, 0, GOAL) * (most - FEWEST + 1))
    for k in range(SKILLS):
        goal[i, k] = False
    if with_replacement:
        for j in range(drawn):
            goal[i, int(uniform(key, 0, GOAL + 1 + j) * SKILLS)] = True
    else:
        left = drawn
        for k in range(SKILLS):  # selection sampling: each set of this size is equally likely
            if uniform(key, 0, GOAL + 1 + k) * (SKILLS - k) < left:
                goal[i, k] = True
                left -= 1
    size = 0
    for k in range(SKILLS):
        size += goal[i, k]
    return size


@inlined
def _warm_up_choice(
    key: np.uint64,
    turn: int,
    done: int,
    item: Ints,
    correct: Ints,
    ability: Floats,
    i: int,
    ready: Floats,
    order: Ints,
) -> int:
    """The warm-up's next item for one learner, -1 to stop; +10 marks a repeat that is asked twice."""
    if done > 0:
        last = item[done - 1]
        varied = False
        for j in range(max(0, done - 3), done - 1):
            if item[j] != last:
                varied = True
        if correct[done - 1] == 1 and varied:
            return int(last) + SKILLS
        if correct[done - 1] == 0 and uniform(key, turn, WARM_UP) < 0.7:
            return int(last)
    if uniform(key, turn, WARM_UP + 1) < 0.9:
        for j in range(SKILLS):
            if ability[i, order[j]] < ready[order[j]]:
                return int(order[j])
        return -1
    return int(uniform(key, turn, WARM_UP + 2) * SKILLS)


@inlined
def _warm_up(
    key: np.uint64,
    ability: Floats,
    last: Ints,
    i: int,
    follows: Bools,
    ready: Floats,
    order: Ints,
    certain: bool,
    learns_first: bool,
    difficulty: Floats,
    transfer: Floats,
    start: Ints,
    parents: Ints,
    item: Ints,
    correct: Ints,
    taught: Bools,
) -> int:
    """Fill one learner's visible past and return its length; abilities grow on the way."""
    done = 0
    last[i] = -1
    for turn in range(WARM_UP_ROUNDS):
        choice = _warm_up_choice(key, turn, done, item, correct, ability, i, ready, order)
        if choice < 0 or done == item.shape[0]:
            break
        k = choice % SKILLS
        for again in range(2 if choice >= SKILLS and done + 1 < item.shape[0] else 1):
            accepted = last[i] < 0 or follows[last[i], k]
            item[done] = k
            correct[done] = opportunity(
                ability, i, k, accepted, key, turn, WARM_UP + 3 + again, certain, learns_first,
                difficulty, transfer, start, parents,
            )  # fmt: skip
            taught[done] = accepted
            if accepted:
                last[i] = k
            done += 1
    return done


@kernel
def enrol(
    highest_start: int,
    most_targets: int,
    with_replacement: bool,
    serves: Bools,
    follows: Bools,
    ready: Floats,
    order: Ints,
    kept: bool,
    certain: bool,
    learns_first: bool,
    difficulty: Floats,
    transfer: Floats,
    start: Ints,
    parents: Ints,
    ability: Floats,
    last: Ints,
    goal: Bools,
    relevant: Bools,
    rows: Ints,
    learner: Keys,
    item: Ints,
    correct: Ints,
    taught: Bools,
    length: Ints,
    first: Floats,
) -> None:
    """Put new learners into `rows`, with a visible past of `length [rows]` entries.

    It is written to `item`, `correct` and `taught` `[rows, records]`; `first [10]` is room to work in.
    """
    for j in range(rows.shape[0]):
        i = rows[j]
        for attempt in range(ATTEMPTS):  # a learner who has mastered every target is drawn again
            key = hash_pair(learner[i], attempt)
            left = _draw_goal(key, i, goal, most_targets, with_replacement)
            for k in range(SKILLS):
                level = int(uniform(key, 0, ENROL + k) * (highest_start - LOWEST + 1))
                first[k] = level + LOWEST - 0.1 * k
                ability[i, k] = first[k]
            length[j] = _warm_up(
                key, ability, last, i, follows, ready, order, certain, learns_first,
                difficulty, transfer, start, parents, item[j], correct[j], taught[j],
            )  # fmt: skip
            for k in range(SKILLS):
                if not kept:
                    ability[i, k] = first[k]
                if goal[i, k] and p_answer(ability[i, k], difficulty[k]) >= MASTERED:
                    left -= 1
            if left > 0:
                break
        for k in range(SKILLS):
            leads = False
            for target in range(SKILLS):  # bitwise, so that the compiler takes all targets at once
                leads = leads | (goal[i, target] & serves[k, target])
            relevant[i, k] = leads
