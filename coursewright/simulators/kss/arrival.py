"""The arrival of KSS learners: with abilities, targets, and a warm-up that the tutor sees.

Liu et al., KDD 2019, and EduSim.  A warm-up has at most twenty rounds.  After a right answer that is not
one of three alike the same item is asked again, twice; after a wrong one, with chance .7, once.
Else, with chance .9, comes the first skill in prerequisite order that is not ready yet (none left: the
warm-up ends), or else any item.
"""

from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.kss.dynamics import MASTERED, SKILLS, Dynamics, KssState, opportunity, p_answer
from coursewright.simulators.luck import ENROL, GOAL, WARM_UP, Keys, hash_pair, uniform

WARM_UP_ROUNDS = 20  # each of one record or two
READY = 0.6  # p_k at which the warm-up moves on to the next skill
LOWEST = -3  # abilities start from here upwards
FEWEST = 3  # targets drawn
ATTEMPTS = 1000  # learners drawn before one with nothing left to learn is taken after all


class Arrival(NamedTuple):
    """The constants that `enrol` needs besides the dynamics.

    Abilities start at U{-3, ..., `highest_start`} - .1 k; U{3, ..., `most_targets`} targets are drawn;
    `serves [10, 10]` says if a skill is relevant to a target.  In the warm-up `follows [10, 10]`
    holds the items taught after each item, and `ready [10]` the abilities at which it moves on, in
    `order [10]`; its effect is `kept` or undone.
    """

    highest_start: int
    most_targets: int
    with_replacement: bool
    serves: Bools
    follows: Bools
    ready: Floats
    order: Ints
    kept: bool


class Past(NamedTuple):
    """The visible past as `enrol` writes it: `[rows, records]`, of which the first `length [rows]` count."""

    item: Ints
    correct: Ints
    taught: Bools
    length: Ints


@inlined
def _draw_goal(key: np.uint64, i: int, goal: Bools, most: int, with_replacement: bool) -> int:
    """Draw targets for row i; returns the number of different ones."""
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
    key: np.uint64, turn: int, done: int, i: int, j: int, arrival: Arrival, state: KssState, past: Past
) -> int:
    """The warm-up's next item for one learner, -1 to stop; +10 marks a repeat that is asked twice."""
    if done > 0:
        last = past.item[j, done - 1]
        varied = False
        for before in range(max(0, done - 3), done - 1):
            if past.item[j, before] != last:
                varied = True
        if past.correct[j, done - 1] == 1 and varied:
            return int(last) + SKILLS
        if past.correct[j, done - 1] == 0 and uniform(key, turn, WARM_UP) < 0.7:
            return int(last)
    if uniform(key, turn, WARM_UP + 1) < 0.9:
        for k in arrival.order:
            if state.ability[i, k] < arrival.ready[k]:
                return int(k)
        return -1
    return int(uniform(key, turn, WARM_UP + 2) * SKILLS)


@inlined
def _warm_up(
    key: np.uint64, i: int, j: int, arrival: Arrival, dynamics: Dynamics, state: KssState, past: Past
) -> None:
    """Fill the visible past j of the learner in row i; abilities grow on the way."""
    records = past.item.shape[1]
    done = 0
    state.last[i] = -1
    for turn in range(WARM_UP_ROUNDS):
        choice = _warm_up_choice(key, turn, done, i, j, arrival, state, past)
        if choice < 0 or done == records:
            break
        k = choice % SKILLS
        for again in range(2 if choice >= SKILLS and done + 1 < records else 1):
            accepted = state.last[i] < 0 or arrival.follows[state.last[i], k]
            purpose = WARM_UP + 3 + again
            right = opportunity(state.ability, i, k, accepted, key, turn, purpose, dynamics)
            past.item[j, done], past.correct[j, done], past.taught[j, done] = k, right, accepted
            if accepted:
                state.last[i] = k
            done += 1
    past.length[j] = done


@inlined
def _arrive(
    key: np.uint64, i: int, j: int, arrival: Arrival, dynamics: Dynamics, state: KssState, past: Past
) -> int:
    """Draw the learner in row i with their past j; returns the number of targets still to master."""
    ability = state.ability
    left = _draw_goal(key, i, state.goal, arrival.most_targets, arrival.with_replacement)
    for k in range(SKILLS):
        ability[i, k] = _first_ability(key, k, arrival.highest_start)
    _warm_up(key, i, j, arrival, dynamics, state, past)
    for k in range(SKILLS):
        if not arrival.kept:
            ability[i, k] = _first_ability(key, k, arrival.highest_start)
        if state.goal[i, k] and p_answer(ability[i, k], dynamics.difficulty[k]) >= MASTERED:
            left -= 1
    return left


@inlined
def _first_ability(key: np.uint64, k: int, highest: int) -> float:
    level = int(uniform(key, 0, ENROL + k) * (highest - LOWEST + 1))
    return level + LOWEST - 0.1 * k


@kernel
def enrol(
    arrival: Arrival, dynamics: Dynamics, state: KssState, rows: Ints, learner: Keys, past: Past
) -> None:
    """Put new learners into `rows`, and the visible part of their past into `past`."""
    for j in range(rows.shape[0]):
        i = rows[j]
        for attempt in range(ATTEMPTS):  # a learner who has mastered every target is drawn again
            key = hash_pair(learner[i], attempt)
            if _arrive(key, i, j, arrival, dynamics, state, past) > 0:
                break
        for k in range(SKILLS):
            leads = False
            for target in range(SKILLS):  # bitwise, so that the compiler takes all targets at once
                leads = leads | (state.goal[i, target] & arrival.serves[k, target])
            state.relevant[i, k] = leads
