"""The two-state hidden Markov model behind BKT: filter, smoother, expected counts.

Notation of Corbett & Anderson (1994): L0 prior, T learn, F forget, G guess, S slip; `known` is the
hidden state.  A learner answers from the state before the opportunity, then learns or forgets.  Forward
and backward passes are those of Baum et al. (1970), written for two states, where the backward pass needs
nothing but the filtered P(known).

`theta` holds the parameters in the order PRIOR, LEARN, FORGET, GUESS, SLIP.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.fitting.bkt.sequences import Sequences
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel

PRIOR, LEARN, FORGET, GUESS, SLIP = range(5)
NUMERATOR, DENOMINATOR = 0, 1
TINY = 1e-200  # take a logarithm before the running product of chances underflows


class Data(NamedTuple):
    """The arrays of `Sequences`, and the weight of each learner [learners] (1, or a bootstrap count)."""

    first: Ints
    start: Ints
    learner: Ints
    correct: npt.NDArray[np.int8]
    weight: Floats
    longest: int


def data(sequences: Sequences, weight: Floats | None = None) -> Data:
    """Pick the arrays of `sequences` that the kernels read; weight [learners] is 1 where not given."""
    weight = np.ones(len(sequences.learners)) if weight is None else weight.astype(np.float64)
    q = sequences
    return Data(q.first, q.start, q.learner, q.correct, weight, q.longest)


@kernel
def expectation(theta: Floats, of: Data, k: int, filtered: Floats, counts: Floats) -> float:
    """Log-likelihood of skill k under theta [5], and the expected counts.

    filtered [longest] is scratch.  counts [5, 2] receives, for each parameter, the expected number of
    times that the event happened and that it could have: their ratio is the next estimate.
    """
    prior, learn, forget, guess, slip = theta[0], theta[1], theta[2], theta[3], theta[4]
    counts[:] = 0.0
    start, learner, correct, weight = of.start, of.learner, of.correct, of.weight
    total = 0.0
    for sequence in range(of.first[k], of.first[k + 1]):
        w = weight[learner[sequence]]
        if w == 0.0:
            continue
        first, beyond = start[sequence], start[sequence + 1]
        p = prior
        product = 1.0
        for t in range(first, beyond):
            known, unknown = p, 1.0 - p
            if correct[t] == 1:
                known *= 1.0 - slip
                unknown *= guess
            elif correct[t] == 0:
                known *= slip
                unknown *= 1.0 - guess
            chance = known + unknown
            product *= chance
            if product < TINY:
                total += w * math.log(product)
                product = 1.0
            q = known / chance
            filtered[t - first] = q
            p = q * (1.0 - forget) + (1.0 - q) * learn
        total += w * math.log(product)

        smoothed = filtered[beyond - 1 - first]  # P(known | all responses) at the last opportunity
        for t in range(beyond - 1, first - 1, -1):
            if t < beyond - 1:
                q = filtered[t - first]
                ahead = q * (1.0 - forget) + (1.0 - q) * learn
                kept = q * (1.0 - forget) * smoothed / ahead
                learned = (1.0 - q) * learn * smoothed / ahead
                forgot = q * forget * (1.0 - smoothed) / (1.0 - ahead) if forget > 0.0 else 0.0
                smoothed = kept + forgot
                counts[LEARN, NUMERATOR] += w * learned
                counts[LEARN, DENOMINATOR] += w * (1.0 - smoothed)
                counts[FORGET, NUMERATOR] += w * forgot
                counts[FORGET, DENOMINATOR] += w * smoothed
            if correct[t] >= 0:
                counts[GUESS, NUMERATOR] += w * (1.0 - smoothed) * correct[t]
                counts[GUESS, DENOMINATOR] += w * (1.0 - smoothed)
                counts[SLIP, NUMERATOR] += w * smoothed * (1 - correct[t])
                counts[SLIP, DENOMINATOR] += w * smoothed
        counts[PRIOR, NUMERATOR] += w * smoothed
        counts[PRIOR, DENOMINATOR] += w
    return total


@kernel
def forecast(theta: Floats, skill: Ints, start: Ints, correct: npt.NDArray[np.int8], out: Floats) -> None:
    """P(correct) at each opportunity given the earlier ones of its sequence (Corbett & Anderson 1994).

    theta [skills, 5], skill [sequences], start [sequences + 1], correct and out [opportunities].
    """
    for sequence in range(len(skill)):
        k = skill[sequence]
        learn, forget, guess, slip = theta[k, LEARN], theta[k, FORGET], theta[k, GUESS], theta[k, SLIP]
        p = theta[k, PRIOR]
        for t in range(start[sequence], start[sequence + 1]):
            right = p * (1.0 - slip) + (1.0 - p) * guess
            out[t] = right
            if correct[t] == 1 and right > 0.0:
                p = p * (1.0 - slip) / right
            elif correct[t] == 0 and right < 1.0:
                p = p * slip / (1.0 - right)
            p = p * (1.0 - forget) + (1.0 - p) * learn
