"""A tutor's belief about each skill: Bayesian knowledge tracing as a filter over the answers.

The beliefs are columns of the observation, so that a tutor's table and the answers decide them alone.
"""

from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Floats, Ints, Observation
from coursewright.simulators.kernel import inlined, kernel

# The largest belief: at 1 exactly, where float32 ends up, no wrong answer could ever lower it again.
CERTAIN = 0.9999999

# Columns of the tutor's table: P(L0), P(T), P(F), then the chances of a wrong answer and, in the next
# column, of a right one, if the skill is known and if it is not.
PRIOR, LEARN, FORGET, IF_KNOWN, IF_UNKNOWN, COLUMNS = 0, 1, 2, 3, 5, 7
RIGHT_IF_KNOWN, RIGHT_IF_UNKNOWN = IF_KNOWN + 1, IF_UNKNOWN + 1


def tutor_table(prior: Floats, learn: Floats, forget: Floats, guess: Floats, slip: Floats) -> Floats:
    """The tutor's parameters `[skills]` as the table `[skills, COLUMNS]` that kernels read."""
    table = np.empty((len(prior), COLUMNS))
    table[:, PRIOR], table[:, LEARN], table[:, FORGET] = prior, learn, forget
    table[:, IF_KNOWN], table[:, RIGHT_IF_KNOWN] = slip, 1.0 - slip
    table[:, IF_UNKNOWN], table[:, RIGHT_IF_UNKNOWN] = 1.0 - guess, guess
    return table


class Beliefs(NamedTuple):
    """The place of the beliefs in the observation, and the rule that moves them.

    Skill k's is in column `first + k * stride`.  With `shared` blame a wrong answer is explained by the
    item's skills together, otherwise by each as if it had been asked alone.  Item a needs the skills
    `needed[start[a]:start[a + 1]]`, and where they are `one_to_one` that is skill a alone.
    """

    first: int
    stride: int
    shared: bool
    tutor: Floats
    start: Ints
    needed: Ints
    one_to_one: bool


@inlined
def after_answer(belief: float, if_known: float, if_unknown: float) -> float:
    """P(known) after an answer that has these chances if the skill is known and if it is not.

    Bayes' rule (Corbett & Anderson 1994, eq. 1 and 2): a right answer has the chances 1 - S and G, a
    wrong one S and 1 - G.
    """
    known = belief * if_known
    return known / (known + (1.0 - belief) * if_unknown + 1e-300)


@inlined
def after_practice(belief: float, learn: float, forget: float) -> float:
    """P(known) after an opportunity to learn (Corbett & Anderson 1994, eq. 3; forgetting: pyBKT)."""
    return belief * (1.0 - forget) + (1.0 - belief) * learn


@kernel
def after_wrong(belief: float, p_known: float, p_skill: float, p_item: float) -> float:
    """P(known) of one skill after a wrong answer to an item that needs several.

    `p_known` is 1 - S, `p_skill` the chance that this skill alone would have been shown, `p_item` the
    product over the item's skills.  Marginals are kept factorised: exact for one opportunity, an
    approximation over several.
    """
    left = belief * (1.0 - p_known * p_item / (p_skill + 1e-300)) / (1.0 - p_item + 1e-300)
    return min(max(left, 0.0), 1.0)


@kernel
def _blame(
    memory: Observation, i: int, stride: int, first: int, tutor: Floats, needed: Ints, begin: int, end: int
) -> None:
    """Share the blame for a wrong answer among the several skills of its item."""
    p_item = 1.0
    for j in range(begin, end):
        k = needed[j]
        belief = float(memory[i, k * stride + first])
        p_item *= belief * tutor[k, RIGHT_IF_KNOWN] + (1.0 - belief) * tutor[k, RIGHT_IF_UNKNOWN]
    for j in range(begin, end):
        k = needed[j]
        belief = float(memory[i, k * stride + first])
        p_skill = belief * tutor[k, RIGHT_IF_KNOWN] + (1.0 - belief) * tutor[k, RIGHT_IF_UNKNOWN]
        memory[i, k * stride + first] = after_wrong(belief, tutor[k, RIGHT_IF_KNOWN], p_skill, p_item)


@inlined
def _believe_skill(
    memory: Observation, i: int, k: int, correct: int, taught: bool, stride: int, first: int, tutor: Floats
) -> None:
    column = k * stride + first
    belief = float(memory[i, column])
    if correct >= 0:
        belief = after_answer(belief, tutor[k, IF_KNOWN + correct], tutor[k, IF_UNKNOWN + correct])
    if taught:
        belief = after_practice(belief, tutor[k, LEARN], tutor[k, FORGET])
    memory[i, column] = min(belief, CERTAIN)


@inlined
def believe(memory: Observation, i: int, item: int, correct: int, taught: bool, by: Beliefs) -> None:
    """Update the tutor's belief in every skill that `item` needs.

    A row that was not taught takes the answer but no learning; where nothing was asked (`correct`
    -1) it is the other way round.
    """
    if by.one_to_one:
        _believe_skill(memory, i, item, correct, taught, by.stride, by.first, by.tutor)
        return
    begin, end = by.start[item], by.start[item + 1]
    if by.shared and end - begin > 1 and correct == 0:
        _blame(memory, i, by.stride, by.first, by.tutor, by.needed, begin, end)
        correct = -1  # the answer has been taken
    for j in range(begin, end):
        _believe_skill(memory, i, by.needed[j], correct, taught, by.stride, by.first, by.tutor)
