"""How KSS learners answer and learn, in all variants.

Liu et al., "Exploiting Cognitive Structure for Adaptive Learning" (CSEAL), KDD 2019; EduSim.  Ten
skills with one item each, a real-valued ability per skill with the cap 5, a four-option item response
curve, and a table of which item may follow which:

    p_k = 1/4 + 3/4 / (1 + exp(-8.5 (a_k - b_k)))                                  answer
    a  <- min(5, a + (5 - a_k)/2 exp(-sum_{p in Pa(k)} (5 - a_p)) W[k, :])         practise k
    W   = (I - A/2)^-1                                                             transfer onwards
"""

from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Floats, Ints
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


class Dynamics(NamedTuple):
    """What kernels need to know, in the order in which they take it.

    Whether answers are `certain` (1[p >= .5]) and whether a learner `learns_first`; `difficulty [10]`;
    `transfer` W `[10, 10]`; the parents of skill k are `parents[start[k]:start[k + 1]]`.
    """

    certain: bool
    learns_first: bool
    difficulty: Floats
    transfer: Floats
    start: Ints
    parents: Ints


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
    ability: Floats,
    i: int,
    k: int,
    taught: bool,
    key: np.uint64,
    t: int,
    purpose: int,
    certain: bool,
    learns_first: bool,
    difficulty: Floats,
    transfer: Floats,
    start: Ints,
    parents: Ints,
) -> int:
    """Answer skill k's item and, where taught, practise it, in the variant's order; 1 if right."""
    p = p_answer(ability[i, k], difficulty[k])
    if taught:
        grow(ability, i, k, transfer, start, parents)
        if learns_first:
            p = p_answer(ability[i, k], difficulty[k])
    if certain:
        return 1 if p >= MASTERED else 0
    return 1 if uniform(key, t, purpose) < p else 0


def ability_at(p: float) -> float:
    """The ability, above the difficulty, at which P(correct) is `p`: the response curve's inverse."""
    return float(-np.log(0.75 / (p - 0.25) - 1.0) / 8.5)
