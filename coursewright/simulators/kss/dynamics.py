"""The answers and the learning of KSS learners, in all variants.

Liu et al., "Exploiting Cognitive Structure for Adaptive Learning" (CSEAL), KDD 2019; EduSim.  Ten
skills with one item each, a real-valued ability per skill with the cap 5, a four-option item response
curve, and a table of items that may follow each other:

    p_k = 1/4 + 3/4 / (1 + exp(-8.5 (a_k - b_k)))                                  answer
    a  <- min(5, a + (5 - a_k)/2 exp(-sum_{p in Pa(k)} (5 - a_p)) W[k, :])         practise k
    W   = (I - A/2)^-1                                                             transfer onwards
"""

from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined
from coursewright.simulators.luck import uniform

SKILLS = 10
CAP = 5.0
EDGES = [[0, 1], [0, 2], [1, 3], [2, 4], [2, 8], [3, 4], [4, 8], [5, 4], [5, 9], [6, 7], [7, 8], [8, 9]]
FOLLOWERS = [
    [0, 1, 2],
    [0, 1, 2, 3],
    [0, 1, 2, 4, 8],
    [0, 1, 3, 4],
    [0, 1, 2, 3, 4, 5, 8, 9],
    [4, 5, 9],
    [6, 7],
    [6, 7, 8],
    [0, 2, 3, 4, 5, 6, 7, 8, 9],
    [2, 4, 5, 7, 8, 9],
]
MASTERED = 0.5  # p_k at or above which a skill counts as mastered


# The graph is the same in all variants: constants of the compiled code, which cost a call nothing.
GRAPH = Course.of(SKILLS, prerequisites=EDGES)
START, PARENTS = GRAPH.parents
TRANSFER = np.ascontiguousarray(np.linalg.inv(np.eye(SKILLS) - 0.5 * GRAPH.prerequisites))


class KssState(NamedTuple):
    """A batch of learners.

    `ability [batch, 10]`; the `last [batch]` accepted item (-1: none); the `goal [batch, 10]`, and
    the items `relevant [batch, 10]` to it: targets and the items that lead to them.
    """

    ability: Floats
    last: Ints
    goal: Bools
    relevant: Bools


class Dynamics(NamedTuple):
    """The differences between the variants.

    The `difficulty [10]` of the items; True for `certain` answers (1[p >= .5]), not drawn ones; True where
    a learner `learns_first` and then answers.
    """

    certain: bool
    difficulty: Floats
    learns_first: bool


@inlined
def p_answer(ability: float, difficulty: float) -> float:
    """P(correct): a logistic curve above a guessing floor of 1/4."""
    return float(0.25 + 0.75 / (1.0 + np.exp(-8.5 * (ability - difficulty))))


@inlined
def grow(ability: Floats, i: int, k: int, transfer: Floats, start: Ints, parents: Ints) -> None:
    """Practise skill k in row i: more room and firmer prerequisites give more growth."""
    lacking = 0.0
    for j in range(start[k], start[k + 1]):
        lacking += CAP - ability[i, parents[j]]
    gain = 0.5 * (CAP - ability[i, k]) * np.exp(-lacking)
    for m in range(SKILLS):
        ability[i, m] = min(CAP, ability[i, m] + gain * transfer[k, m])


@inlined
def opportunity(
    ability: Floats, i: int, k: int, taught: bool, key: np.uint64, t: int, purpose: int, dynamics: Dynamics
) -> int:
    """Answer skill k's item and, where taught, practise it, in the variant's order; 1 if right."""
    difficulty = dynamics.difficulty[k]
    p = p_answer(ability[i, k], difficulty)
    if taught:
        grow(ability, i, k, TRANSFER, START, PARENTS)
        if dynamics.learns_first:
            p = p_answer(ability[i, k], difficulty)
    if dynamics.certain:
        return 1 if p >= MASTERED else 0
    return 1 if uniform(key, t, purpose) < p else 0


def ability_at(p: float) -> float:
    """The ability, above the difficulty, at which P(correct) is `p`: the response curve's inverse."""
    return float(-np.log(0.75 / (p - 0.25) - 1.0) / 8.5)
